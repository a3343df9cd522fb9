// How many processors this process may use.
#pragma once

#include <optional>
#include <string>

namespace rnnext::core {

// Processors of the affinity mask, or fewer where a container has a quota of processor time: one
// for each begun processor of the quota.
int available_processors();

// The quota of the control groups that this process is in, version 1 or 2, in processors (1.5: 150
// ms of each 100); the least of a group and the groups around it. Empty where there is none. `root`
// is put before the names of the files that are read: /proc/self/cgroup, /proc/self/mountinfo, and
// cpu.max or cpu.cfs_quota_us and cpu.cfs_period_us of the groups.
std::optional<double> processor_quota(const std::string& root = "");

// The first number of OMP_NUM_THREADS (of a list, which is for nested regions); empty where it is
// not a number of threads that set_num_threads() accepts.
std::optional<int> num_threads_of_environment();

}  // namespace rnnext::core
