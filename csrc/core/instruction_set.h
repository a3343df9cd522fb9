// Which kernel tables this build holds, and which of them this machine runs.
#pragma once

#include <string>

#include "kernels/table.h"

namespace rnnext::core {

// The table named `isa`, or the current one for an empty name. Throws std::invalid_argument when
// the name is unknown or the machine lacks it.
const kernels::KernelTable& kernel_table(const std::string& isa);

}  // namespace rnnext::core
