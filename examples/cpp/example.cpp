// A SimpleRNN small enough to check by hand: h = tanh(0.5 x + 0.25 h), over x = 1, 0, 0.
#include <cmath>
#include <cstdio>
#include <vector>

#include "rnnext/rnnext.h"

int main() {
  const std::vector<float> kernel{0.5F}, recurrent_kernel{0.25F}, bias{0.0F};
  rnnext::RecurrentConfig config;
  config.cell = rnnext::Cell::simple_rnn;
  config.features = 1;
  config.units = 1;
  const rnnext::Recurrent<float> layer(config, kernel, recurrent_kernel, bias);

  const std::vector<float> x{1.0F, 0.0F, 0.0F};
  std::vector<float> y(3);
  rnnext::RecurrentIo<float> io;
  io.batch = 1;
  io.steps = 3;
  io.x = x;
  io.sequence = y;
  layer.run(io);

  std::printf("rnnext %s on %s:", rnnext::version(), layer.isa());
  double h = 0.0;
  bool agrees = true;
  for (int t = 0; t < 3; ++t) {
    h = std::tanh(0.5 * x[t] + 0.25 * h);
    agrees = agrees && std::abs(y[t] - h) < 1e-6;
    std::printf(" %.7f", y[t]);
  }
  std::printf(agrees ? " (as by hand)\n" : " (not as by hand)\n");
  return agrees ? 0 : 1;
}
