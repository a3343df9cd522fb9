// Signals are for the program's own threads.
#pragma once

#ifndef _WIN32
#include <pthread.h>
#include <signal.h>
#endif

namespace rnnext::core {

// Blocks all signals of this thread until the object ends. Threads started meanwhile keep them
// blocked: a handler that ran in a worker would not interrupt what the program waits for.
class BlockedSignals {
#ifndef _WIN32
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t saved_;
#else
 public:
  BlockedSignals() {}  // or a compiler would warn of an unused variable
#endif
};

}  // namespace rnnext::core
