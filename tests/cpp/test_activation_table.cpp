// The table of activations: names, parameters, defaults, and the errors of make_activation.
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "rnnext/activation.h"
#include "testing.h"

namespace {

using rnnext::testing::check;

// What make_activation throws, or nothing.
std::string error_of(const char* name, const std::vector<double>& parameters) {
  try {
    rnnext::make_activation(name, parameters.data(), parameters.size());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void test_table() {
  for (const rnnext::ActivationSpec& spec : rnnext::kActivations) {
    const std::vector<double> all(static_cast<std::size_t>(spec.parameters), 1.5);
    const std::vector<double> few(static_cast<std::size_t>(spec.required), 1.5);
    check(&spec == &rnnext::kActivations[static_cast<int>(spec.kind)], "the table is in order");
    check(error_of(spec.name, all).empty(), std::string(spec.name) + " with all parameters");
    check(error_of(spec.name, few).empty(), std::string(spec.name) + " with the required ones");
    const rnnext::Activation made = rnnext::make_activation(spec.name, few.data(), few.size());
    check(made.kind == spec.kind, spec.name);
    if (spec.required == 0)
      check(made.p0 == spec.defaults[0] && made.p1 == spec.defaults[1], spec.name);
  }
}

void test_errors() {
  check(contains(error_of("swoosh", {}), "'swoosh'"), "an unknown name is named");
  check(contains(error_of("swoosh", {}), "sigmoid, tanh"), "accepted names are listed");
  check(contains(error_of("tanh", {1}), "tanh() takes no parameters, got 1"),
        error_of("tanh", {1}));
  const std::string threshold = error_of("threshold", {1});
  check(contains(threshold, "threshold(threshold, default_value)"), threshold);
  const std::string relu = error_of("relu", {1, 2, 3, 4});
  check(contains(relu, "relu(negative_slope=0, max_value=inf, threshold=0), got 4"), relu);
}

}  // namespace

int main() {
  test_table();
  test_errors();
  return rnnext::testing::finish();
}
