#include "rnnext/activation.h"

#include <stdexcept>
#include <string>

namespace rnnext {
namespace {

std::string all_names() {
  std::string names;
  for (const ActivationSpec& spec : kActivations)
    names += (names.empty() ? "" : ", ") + std::string(spec.name);
  return names;
}

// "relu(negative_slope=0, max_value=inf, threshold=0)"
std::string signature(const ActivationSpec& spec) {
  std::string text = std::string(spec.name) + "(";
  for (int i = 0; i < spec.parameters; ++i) {
    text += (i == 0 ? "" : ", ") + std::string(spec.parameter_names[i]);
    if (i >= spec.required) text += "=" + std::to_string(spec.defaults[i]);
  }
  return text + ")";
}

}  // namespace

Activation make_activation(const char* name, const double* params, size_t count) {
  for (const ActivationSpec& spec : kActivations) {
    if (std::string(name) != spec.name) continue;
    if (count < static_cast<size_t>(spec.required) || count > static_cast<size_t>(spec.parameters))
      throw std::invalid_argument("activation " + std::string(name) + " takes " + signature(spec) +
                                  ", got " + std::to_string(count) + " parameters");
    double p[3] = {spec.defaults[0], spec.defaults[1], spec.defaults[2]};
    for (size_t i = 0; i < count; ++i) p[i] = params[i];
    return {spec.kind, p[0], p[1], p[2]};
  }
  throw std::invalid_argument("unknown activation '" + std::string(name) +
                              "'; accepted: " + all_names());
}

}  // namespace rnnext
