#include "rnnext/activation.h"

#include <sstream>
#include <stdexcept>
#include <string>

namespace rnnext {
namespace {

std::string accepted_names() {
  std::string names;
  for (const ActivationSpec& spec : kActivations)
    names += (names.empty() ? "" : ", ") + std::string(spec.name);
  return names;
}

// "relu(negative_slope=0, max_value=inf, threshold=0)"
std::string signature(const ActivationSpec& spec) {
  std::ostringstream text;
  text << spec.name << "(";
  for (int i = 0; i < spec.parameters; ++i) {
    text << (i == 0 ? "" : ", ") << spec.parameter_names[i];
    if (i >= spec.required) text << "=" << spec.defaults[i];
  }
  text << ")";
  return text.str();
}

Activation make(const ActivationSpec& spec, const double* params, size_t count) {
  if (count < static_cast<size_t>(spec.required) || count > static_cast<size_t>(spec.parameters))
    throw std::invalid_argument(
        "activation " + signature(spec) + (spec.parameters == 0 ? " takes no parameters" : "") +
        ", got " + std::to_string(count) + (count == 1 ? " parameter" : " parameters"));
  double p[3] = {spec.defaults[0], spec.defaults[1], spec.defaults[2]};
  for (size_t i = 0; i < count; ++i) p[i] = params[i];
  return {spec.kind, p[0], p[1], p[2]};
}

}  // namespace

Activation make_activation(const char* name, const double* params, size_t count) {
  for (const ActivationSpec& spec : kActivations)
    if (std::string(name) == spec.name) return make(spec, params, count);
  throw std::invalid_argument("unknown activation '" + std::string(name) +
                              "', accepted are: " + accepted_names());
}

}  // namespace rnnext
