// The operator `_aff_select` for mxnet, through its extension interface.
//
// Inputs: x, residual, z where `own_z`, one value that is 1 in inference and something else in
// training (mxnet does not tell: a Dropout of 1 does), parameters of the local and of the global
// context (W1, b1, gamma1, beta1, W2, b2, gamma2, beta2), running statistics of both (mean1, var1,
// mean2, var2), which are updated in training. Outputs: the selection, and what backward needs.
#include "operator.h"

namespace {

constexpr int kContext = 8, kRunning = 4;

bool own_z(const Attributes& attributes) { return attribute(attributes, "own_z") == "1"; }

int maps(const Attributes& attributes) { return own_z(attributes) ? 3 : 2; }

int inputs(const Attributes& attributes) {
  return maps(attributes) + 1 + 2 * (kContext + kRunning);
}

aff::Settings settings_of(const Attributes& attributes) {
  aff::Settings settings = norm_settings(attributes);
  settings.scale = number(attributes, "scale");
  settings.relu = attribute(attributes, "relu") == "1";
  return settings;
}

aff::Context context_at(Tensors* tensors, int first) {
  auto at = [&](int k) { return (*tensors)[first + k].data<float>(); };
  return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)};
}

aff::Running running_at(Tensors* tensors, int first) {
  auto at = [&](int k) { return (*tensors)[first + k].data<float>(); };
  return {at(0), at(1), at(2), at(3)};
}

aff::Inputs inputs_at(const Attributes& attributes, Tensors* tensors, int first) {
  const int after = first + maps(attributes);
  return {(*tensors)[first].data<float>(),
          (*tensors)[first + 1].data<float>(),
          own_z(attributes) ? (*tensors)[first + 2].data<float>() : nullptr,
          (*tensors)[after].data<float>(),
          context_at(tensors, after + 1),
          context_at(tensors, after + 1 + kContext),
          running_at(tensors, after + 1 + 2 * kContext),
          running_at(tensors, after + 1 + 2 * kContext + kRunning)};
}

MXReturnValue parse(const Attributes& attributes, int* num_inputs, int* num_outputs) {
  return guarded([&] {
    *num_inputs = inputs(attributes);
    *num_outputs = 3;
  });
}

MXReturnValue infer_shape(const Attributes& attributes, Shapes* in, Shapes* out) {
  return guarded([&] {
    const auto map = (*in)[0].empty() ? (*in)[1] : (*in)[0];
    if (map.size() != 4) throw std::invalid_argument("maps must be (N, C, H, W)");
    const unsigned inner = std::stoul(attribute(attributes, "inner")), channels = map[1];
    const int count = maps(attributes);
    for (int k = 0; k < count; ++k) {
      if (!(*in)[k].empty() && (*in)[k] != map) throw std::invalid_argument("maps differ in shape");
      (*in)[k] = map;
    }
    Shapes parameters = {{inner, channels, 1, 1}, {inner}, {inner}, {inner},
                         {channels, inner, 1, 1}, {channels}, {channels}, {channels}};
    Shapes running = {{inner}, {inner}, {channels}, {channels}};
    size_t at = count;
    (*in)[at++] = {1};
    for (const Shapes& shapes : {parameters, parameters, running, running})
      for (const auto& shape : shapes) (*in)[at++] = shape;
    const aff::Shape shape = {map[0], channels, inner, int64_t{map[2]} * map[3]};
    (*out)[0] = map;
    (*out)[1] = {map[0], inner, map[2], map[3]};
    (*out)[2] = {static_cast<unsigned>(aff::Saved::size(shape))};
  });
}

MXReturnValue mutate(const Attributes& attributes, std::vector<int>* indices) {
  for (int k = inputs(attributes) - 2 * kRunning; k < inputs(attributes); ++k)
    indices->push_back(k);
  return MX_SUCCESS;
}

MXReturnValue compute(const Attributes& attributes, Tensors* in, Tensors* out,
                      const OpResource& resource) {
  return guarded([&] {
    const aff::Settings settings = settings_of(attributes);
    const aff::Inputs inputs = inputs_at(attributes, in, 0);
    const aff::Shape shape = shape_of((*out)[0].shape, (*out)[1].shape[1]);
    const aff::Saved saved = aff::Saved::at((*out)[2].data<float>(), shape);
    *saved.training = !settings.frozen && *inputs.training != 1;
    aff::forward(shape, settings, inputs, (*out)[0].data<float>(), (*out)[1].data<float>(), saved,
                 allocator(resource));
  });
}

// Of all inputs, `in` has the gradients of the outputs first, then inputs and outputs.
MXReturnValue compute_gradients(const Attributes& attributes, Tensors* in, Tensors* out,
                                const OpResource& resource) {
  return guarded([&] {
    constexpr int kOutputs = 3;
    const aff::Settings settings = settings_of(attributes);
    const aff::Inputs inputs = inputs_at(attributes, in, kOutputs);
    Tensors::iterator outputs = in->begin() + kOutputs + ::inputs(attributes);
    const aff::Shape shape = shape_of(outputs[0].shape, outputs[1].shape[1]);
    const int after = maps(attributes) + 1;
    const aff::Gradients gradients = {(*out)[0].data<float>(), (*out)[1].data<float>(),
                                      own_z(attributes) ? (*out)[2].data<float>() : nullptr,
                                      context_at(out, after), context_at(out, after + kContext)};
    aff::backward(shape, settings, inputs, outputs[1].data<float>(),
                  aff::Saved::at(outputs[2].data<float>(), shape), (*in)[0].data<float>(),
                  gradients, allocator(resource));
  });
}

}  // namespace

REGISTER_OP(_aff_select)
    .setForward(compute, "cpu")
    .setBackward(compute_gradients, "cpu")
    .setParseAttrs(parse)
    .setInferType(infer_type)
    .setInferShape(infer_shape)
    .setMutateInputs(mutate);
