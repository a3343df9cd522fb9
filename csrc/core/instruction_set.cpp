#include "core/instruction_set.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "rnnext/rnnext.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#endif

// One function per kernel object of this build (csrc/kernels/kernels.cpp).
#define RNNEXT_DECLARE_TABLE(isa) \
  extern "C" const rnnext::kernels::KernelTable* rnnext_kernel_table_##isa();
RNNEXT_DECLARE_TABLE(generic)
RNNEXT_DECLARE_TABLE(sse2)
RNNEXT_DECLARE_TABLE(avx2)
RNNEXT_DECLARE_TABLE(wide)
RNNEXT_DECLARE_TABLE(avx512)
RNNEXT_DECLARE_TABLE(neon)

namespace rnnext {
namespace core {
namespace {

using kernels::KernelTable;

#if defined(__x86_64__) || defined(_M_X64)
struct Cpu {
  bool avx2 = false, avx512 = false;
};

// What the processor has and the operating system saves on a context switch: without the latter,
// AVX registers are lost or the instruction faults. Bits from Intel's manual, volume 2A, CPUID, and
// volume 1, 13.3 (XCR0).
Cpu detect_cpu() {
  Cpu cpu;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
  constexpr unsigned kOsxsave = 1u << 27, kAvx = 1u << 28, kFma = 1u << 12;
  if (!(c & kOsxsave) || !(c & kAvx) || !(c & kFma)) return cpu;
  unsigned xcr0 = 0, xcr0_high = 0;
  __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(xcr0_high) : "c"(0));
  constexpr unsigned kYmmState = 0x6, kZmmState = 0xe6;
  if ((xcr0 & kYmmState) != kYmmState) return cpu;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  cpu.avx2 = b & (1u << 5);
  constexpr unsigned kF = 1u << 16, kDq = 1u << 17, kBw = 1u << 30, kVl = 1u << 31;
  constexpr unsigned kAvx512 = kF | kDq | kBw | kVl;
  cpu.avx512 = cpu.avx2 && (b & kAvx512) == kAvx512 && (xcr0 & kZmmState) == kZmmState;
  return cpu;
}
#endif

// Best last.
std::vector<const KernelTable*> available_tables() {
  std::vector<const KernelTable*> tables;
#ifdef RNNEXT_HAVE_GENERIC
  tables.push_back(rnnext_kernel_table_generic());
#endif
#ifdef RNNEXT_HAVE_NEON
  tables.push_back(rnnext_kernel_table_neon());
#endif
#ifdef RNNEXT_HAVE_SSE2
  tables.push_back(rnnext_kernel_table_sse2());
#endif
#if defined(__x86_64__) || defined(_M_X64)
  const Cpu cpu = detect_cpu();
#ifdef RNNEXT_HAVE_WIDE
  if (cpu.avx2) tables.push_back(rnnext_kernel_table_wide());
#endif
#ifdef RNNEXT_HAVE_AVX2
  if (cpu.avx2) tables.push_back(rnnext_kernel_table_avx2());
#endif
#ifdef RNNEXT_HAVE_AVX512
  if (cpu.avx512) tables.push_back(rnnext_kernel_table_avx512());
#endif
#endif
  return tables;
}

const KernelTable* find_table(const std::string& name, const char* said_by) {
  std::string accepted;
  for (const KernelTable* table : available_tables()) {
    if (name == table->isa) return table;
    accepted += std::string(accepted.empty() ? "" : ", ") + table->isa;
  }
  throw std::invalid_argument(std::string(said_by) + ": instruction set \"" + name +
                              "\" is unknown here; this build on this processor has: " + accepted);
}

const KernelTable* initial_table() {
  const char* forced = std::getenv("RNNEXT_ISA");
  if (forced && *forced) return find_table(forced, "RNNEXT_ISA in the environment");
  return available_tables().back();
}

std::atomic<const KernelTable*>& current_table() {
  static std::atomic<const KernelTable*> table{initial_table()};
  return table;
}

}  // namespace

const KernelTable& kernel_table(const std::string& isa) {
  return isa.empty() ? *current_table().load() : *find_table(isa, "isa");
}

}  // namespace core

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const kernels::KernelTable* table : core::available_tables()) names.push_back(table->isa);
  return names;
}

std::string isa() { return core::current_table().load()->isa; }

void set_isa(const std::string& name) {
  core::current_table().store(core::find_table(name, "set_isa"));
}

}  // namespace rnnext
