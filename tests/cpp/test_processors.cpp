// The processors of a process: quotas of control groups, read from files made up here, and
// OMP_NUM_THREADS.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "core/processors.h"
#include "rnnext/rnnext.h"
#include "testing.h"

namespace {

using rnnext::testing::check;
namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;  // name -> text

// The quota in a system that has these files.
std::optional<double> quota_with(const Files& files) {
  const fs::path root = fs::temp_directory_path() / ("rnnext-quota-" + std::to_string(std::rand()));
  for (const auto& [name, text] : files) {
    const fs::path path = root.string() + name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  const std::optional<double> quota = rnnext::core::processor_quota(root.string());
  fs::remove_all(root);
  return quota;
}

void expect(const std::string& what, std::optional<double> expected, const Files& files) {
  const std::optional<double> quota = quota_with(files);
  check(
      quota.has_value() == expected.has_value() && (!quota || std::abs(*quota - *expected) < 1e-9),
      what + ": " + (quota ? std::to_string(*quota) : "none"));
}

const std::string kVersion2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
const std::string kVersion1 =
    "24 23 0:22 / /proc rw - proc proc rw\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw shared:9 - cgroup cgroup rw,cpuset\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:8 - cgroup cgroup rw,cpu,cpuacct\n";

void test_version_2() {
  const auto files = [](const std::string& text) {
    return Files{{"/proc/self/mountinfo", kVersion2},
                 {"/proc/self/cgroup", "0::/a/b\n"},
                 {"/sys/fs/cgroup/a/b/cpu.max", text}};
  };
  expect("half a processor", 0.5, files("50000 100000\n"));
  expect("two and a half", 2.5, files("250000 100000\n"));
  expect("no quota", std::nullopt, files("max 100000\n"));
  expect("not numbers", std::nullopt, files("much\n"));
  expect("an empty file", std::nullopt, files(""));
  expect("a period of zero", std::nullopt, files("50000 0\n"));

  Files nested = files("300000 100000\n");
  nested["/sys/fs/cgroup/a/cpu.max"] = "150000 100000\n";
  expect("the group around it has less", 1.5, nested);
  nested["/sys/fs/cgroup/cpu.max"] = "40000 20000\n";
  expect("the outermost has more", 1.5, nested);
  nested.erase("/sys/fs/cgroup/a/b/cpu.max");
  expect("the group itself has no file", 1.5, nested);
}

void test_in_a_container() {
  expect("the mount shows the container's own group", 2.0,
         {{"/proc/self/mountinfo", kVersion2},
          {"/proc/self/cgroup", "0::/\n"},
          {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}});
  expect(
      "groups seen from outside", 2.0,
      {{"/proc/self/mountinfo", "30 23 0:26 /docker/c0 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"},
       {"/proc/self/cgroup", "0::/docker/c0\n"},
       {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}});
  expect(
      "a group within it", 1.0,
      {{"/proc/self/mountinfo", "30 23 0:26 /docker/c0 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"},
       {"/proc/self/cgroup", "0::/docker/c0/job\n"},
       {"/sys/fs/cgroup/job/cpu.max", "100000 100000\n"},
       {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}});
  expect(
      "a name that only begins alike", 2.0,
      {{"/proc/self/mountinfo", "30 23 0:26 /docker/c0 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"},
       {"/proc/self/cgroup", "0::/docker/c01\n"},
       {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}});
  expect("a group outside the namespace", 2.0,
         {{"/proc/self/mountinfo", kVersion2},
          {"/proc/self/cgroup", "0::/../other\n"},
          {"/sys/fs/cgroup/cpu.max", "200000 100000\n"}});
}

void test_version_1() {
  const auto files = [](const std::string& quota) {
    return Files{{"/proc/self/mountinfo", kVersion1},
                 {"/proc/self/cgroup", "5:cpuset:/other\n4:cpu,cpuacct:/job\n"},
                 {"/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", quota},
                 {"/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n"}};
  };
  expect("one and a half", 1.5, files("150000\n"));
  expect("-1: no quota", std::nullopt, files("-1\n"));
  Files nested = files("-1\n");
  nested["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us"] = "300000\n";
  nested["/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us"] = "100000\n";
  expect("of the group around it", 3.0, nested);

  Files both = files("150000\n");
  both["/proc/self/mountinfo"] += "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  both["/proc/self/cgroup"] += "0::/job\n";
  expect("both versions mounted", 1.5, both);
  both["/sys/fs/cgroup/unified/job/cpu.max"] = "100000 100000\n";
  expect("both with a quota", 1.0, both);
}

void test_without_groups() {
  expect("no files", std::nullopt, {});
  expect("no mount", std::nullopt,
         {{"/proc/self/mountinfo", "24 23 0:22 / /proc rw - proc proc rw\nshort line\n"},
          {"/proc/self/cgroup", "0::/a\n"}});
  expect("no group", std::nullopt,
         {{"/proc/self/mountinfo", kVersion2}, {"/proc/self/cgroup", "nonsense\n"}});
}

void test_of_this_process() {
  check(rnnext::core::available_processors() >= 1, "no processor to run on");
#ifndef _WIN32
  const std::map<std::string, int> cases = {
      {"3", 3},  {" 3 ", 3}, {"3,2", 3},  {"1024", 1024}, {"1025", 0},
      {"0", 0},  {"-2", 0},  {"many", 0}, {"", 0},        {"99999999999999999999", 0},
      {"3x", 0}, {"1e9", 0}};
  for (const auto& [text, expected] : cases) {
    setenv("OMP_NUM_THREADS", text.c_str(), 1);
    check(rnnext::core::num_threads_of_environment().value_or(0) == expected,
          "OMP_NUM_THREADS=" + text);
  }
  unsetenv("OMP_NUM_THREADS");
  check(!rnnext::core::num_threads_of_environment(), "a number that nobody set");
#endif
}

}  // namespace

int main() {
  test_version_2();
  test_in_a_container();
  test_version_1();
  test_without_groups();
  test_of_this_process();
  return rnnext::testing::finish();
}
