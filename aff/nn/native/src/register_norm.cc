// The operator `_aff_norm_relu`: BatchNorm and relu. Inputs: x, one value that is 1 in inference (as
// in register_select.cc), gamma, beta, running mean and variance. Outputs: y; phase, mean and
// 1 / sqrt(variance + eps) that it was computed with.
#include "norm.h"
#include "operator.h"

namespace {

constexpr int kInputs = 6, kOutputs = 2;

struct Kept {
  float* batch;
  aff::Norm norm;
};

Kept kept_in(Tensors* tensors, int gamma, MXTensor* saved, int64_t channels) {
  float* data = saved->data<float>();
  return {data, {(*tensors)[gamma].data<float>(), (*tensors)[gamma + 1].data<float>(), data + 1,
                 data + 1 + channels}};
}

MXReturnValue parse(const Attributes&, int* num_inputs, int* num_outputs) {
  *num_inputs = kInputs;
  *num_outputs = kOutputs;
  return MX_SUCCESS;
}

MXReturnValue infer_shape(const Attributes&, Shapes* in, Shapes* out) {
  return guarded([&] {
    const auto map = (*in)[0];
    if (map.size() != 4) throw std::invalid_argument("a map must be (N, C, H, W)");
    *in = {map, {1}, {map[1]}, {map[1]}, {map[1]}, {map[1]}};
    *out = {map, {1 + 2 * map[1]}};
  });
}

MXReturnValue mutate(const Attributes&, std::vector<int>* indices) {
  *indices = {4, 5};
  return MX_SUCCESS;
}

MXReturnValue compute(const Attributes& attributes, Tensors* in, Tensors* out,
                      const OpResource& resource) {
  return guarded([&] {
    const aff::Shape shape = shape_of((*in)[0].shape, 0);
    const aff::Settings settings = norm_settings(attributes);
    const Kept kept = kept_in(in, 2, &(*out)[1], shape.channels);
    *kept.batch = !settings.frozen && *(*in)[1].data<float>() != 1;
    aff::norm_forward(shape, settings, *kept.batch, (*in)[0].data<float>(), kept.norm,
                      (*in)[4].data<float>(), (*in)[5].data<float>(), (*out)[0].data<float>(),
                      allocator(resource));
  });
}

MXReturnValue compute_gradients(const Attributes&, Tensors* in, Tensors* out,
                                const OpResource& resource) {
  return guarded([&] {
    const aff::Shape shape = shape_of((*in)[kOutputs].shape, 0);
    const Kept kept = kept_in(in, kOutputs + 2, &(*in)[kOutputs + kInputs + 1], shape.channels);
    aff::norm_backward(shape, *kept.batch, (*in)[kOutputs].data<float>(), kept.norm,
                       (*in)[0].data<float>(), (*out)[0].data<float>(), (*out)[2].data<float>(),
                       (*out)[3].data<float>(), allocator(resource));
  });
}

}  // namespace

REGISTER_OP(_aff_norm_relu)
    .setForward(compute, "cpu")
    .setBackward(compute_gradients, "cpu")
    .setParseAttrs(parse)
    .setInferType(infer_type)
    .setInferShape(infer_shape)
    .setMutateInputs(mutate);
