// How a layer's weights are stored.
#pragma once

namespace rnnext {

// Narrow weights are read with fewer bytes, which is what takes the time when there are few
// samples, and are not exact. Biases, sums of chains and what a layer returns stay float whatever
// the weights are.
//
// full: as they are given.
// bf16: rounded to the nearest bfloat16, 8 significant bits.
// int8: integers -127..127 times one scale for each output column, which its largest weight sets.
// In
//       products, the rows of inputs and states are then integers -32767..32767 times a scale of
//       each row. A row that holds infinity or NaN makes all of its sums NaN.
enum class WeightType { full, bf16, int8 };

}  // namespace rnnext
