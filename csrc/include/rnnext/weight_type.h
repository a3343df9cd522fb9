// How a layer's weights are stored.
#pragma once

namespace rnnext {

// Narrow weights are read with fewer bytes, which is what takes the time when there are few
// samples, and are not exact. States, inputs, biases and sums stay float whatever the weights are.
//
// full: as they are given.
// bf16: rounded to the nearest bfloat16, 8 significant bits.
// int8: integers -127..127 times one scale for each output column, which its largest weight sets.
enum class WeightType { full, bf16, int8 };

}  // namespace rnnext
