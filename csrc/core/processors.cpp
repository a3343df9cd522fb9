#include "core/processors.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "rnnext/rnnext.h"

#ifdef __linux__
#include <sched.h>
#endif

namespace rnnext::core {
namespace {

// Where a hierarchy of control groups is mounted, and which of its groups that place shows.
struct Mount {
  std::string group, folder;
};

// Whether `item` is in a list separated by commas.
bool lists(const std::string& list, const std::string& item) {
  std::istringstream items(list);
  for (std::string each; std::getline(items, each, ',');)
    if (each == item) return true;
  return false;
}

// mountinfo (proc(5)): id, parent, device, group, folder, options, optional fields, "-", type,
// source, options of the file system.
std::optional<Mount> find_mount(const std::string& root, bool is_version_2) {
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line), after(line.substr(dash + 3));
    std::string id, parent, device, type, source, options;
    Mount mount;
    before >> id >> parent >> device >> mount.group >> mount.folder;
    after >> type >> source >> options;
    if (is_version_2 ? type == "cgroup2" : type == "cgroup" && lists(options, "cpu")) return mount;
  }
  return std::nullopt;
}

// /proc/self/cgroup (cgroups(7)): id, controllers, group, separated by colons; without controllers
// that of version 2.
std::optional<std::string> find_group(const std::string& root, bool is_version_2) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (is_version_2 ? controllers.empty() : lists(controllers, "cpu"))
      return line.substr(second + 1);
  }
  return std::nullopt;
}

std::optional<double> ratio(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return std::nullopt;  // v1: -1 is none
  return quota / period;
}

// Of one group.
std::optional<double> quota_of(const std::string& folder, bool is_version_2) {
  double quota = 0, period = 0;
  if (is_version_2) {
    std::ifstream(folder + "/cpu.max") >> quota >> period;  // "max 100000" is no number: none
  } else {
    std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
    std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  }
  return ratio(quota, period);
}

std::optional<double> quota_of_version(const std::string& root, bool is_version_2) {
  const std::optional<Mount> mount = find_mount(root, is_version_2);
  const std::optional<std::string> group = find_group(root, is_version_2);
  if (!mount || !group) return std::nullopt;
  // Below the group that is mounted; in a container often the very one.
  std::string below = *group;
  const std::string& shown = mount->group;
  if (shown != "/") {
    const bool inside = below.compare(0, shown.size(), shown) == 0 &&
                        (below.size() == shown.size() || below[shown.size()] == '/');
    below = inside ? below.substr(shown.size()) : "";
  }
  if (below == "/" || below.compare(0, 3, "/..") == 0) below.clear();
  std::optional<double> least;
  for (;;) {
    const std::optional<double> quota = quota_of(root + mount->folder + below, is_version_2);
    if (quota) least = std::min(*quota, least.value_or(*quota));
    if (below.empty()) return least;
    below.erase(below.rfind('/') == std::string::npos ? 0 : below.rfind('/'));
  }
}

int processors_of_mask() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

std::optional<double> processor_quota(const std::string& root) {
  std::optional<double> least;
  for (const bool is_version_2 : {false, true}) {  // both may be mounted
    const std::optional<double> quota = quota_of_version(root, is_version_2);
    if (quota) least = std::min(*quota, least.value_or(*quota));
  }
  return least;
}

int available_processors() {
  const int processors = processors_of_mask();
#ifdef __linux__
  if (const std::optional<double> quota = processor_quota())
    return std::max(1, static_cast<int>(std::min<double>(processors, std::ceil(*quota))));
#endif
  return processors;
}

std::optional<int> num_threads_of_environment() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (!text) return std::nullopt;
  char* end = nullptr;
  const long threads = std::strtol(text, &end, 10);
  if (threads < 1 || threads > kMaxThreads || !std::strchr(", \t", *end)) return std::nullopt;
  return static_cast<int>(threads);
}

}  // namespace rnnext::core
