// Loops shared out by OpenMP, in builds that have it (the CMake option RNNEXT_OPENMP).
#pragma once

#include <functional>

#include "core/oversubscription.h"

namespace rnnext::core::openmp {

// Whether this build has OpenMP.
bool is_built_in();

// False without OpenMP, and in a forked child: OpenMP's threads do not survive a fork, and its data
// says they do.
bool available();

// Threads that this thread may use by what the program or the environment told OpenMP
// (omp_set_num_threads below what OpenMP began with, OMP_THREAD_LIMIT, a region that called this
// one); INT_MAX where nothing limits them.
int thread_limit();

// Calls body(part) once for each part in [0, parts), in this thread and at most `parts` - 1 others,
// and rethrows what one of them threw when all have ended. False, with nothing called, while
// another thread of the program owns OpenMP's workers.
//
// Each thread that begins a region gets workers of its own, which stay until it ends. So one thread
// of the program begins regions, or a server of 40 threads would be left with 40 sets of workers.
bool parallel_for(int parts, const std::function<void(int part)>& body,
                  Oversubscription& oversubscription);

}  // namespace rnnext::core::openmp
