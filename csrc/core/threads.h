// Samples shared out to threads.
#pragma once

#include <cstddef>
#include <functional>

namespace rnnext::core {

// Calls body(first, last) for disjoint ranges that cover [0, rows), in as many threads as `work`
// (multiply-adds in all) is worth and get_num_threads() allows. Ranges begin at multiples of
// `granule` where they can. An exception of a body is rethrown here, after all have ended.
void parallel_rows(std::ptrdiff_t rows, std::ptrdiff_t granule, double work,
                   const std::function<void(std::ptrdiff_t, std::ptrdiff_t)>& body);

}  // namespace rnnext::core
