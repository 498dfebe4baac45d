// The operator `_aff_resize`: bilinear resizing. Inputs: z, and a map whose height and width the
// result has (it gets no gradient). Output: z of that size.
#include "operator.h"
#include "resize.h"

namespace {

constexpr int kInputs = 2;

aff::Sides sides_of(const std::vector<int64_t>& from, const std::vector<int64_t>& to) {
  return {from[0] * from[1], from[2], from[3], to[2], to[3]};
}

MXReturnValue parse(const Attributes&, int* num_inputs, int* num_outputs) {
  *num_inputs = kInputs;
  *num_outputs = 1;
  return MX_SUCCESS;
}

MXReturnValue infer_shape(const Attributes&, Shapes* in, Shapes* out) {
  return guarded([&] {
    const auto &from = (*in)[0], &like = (*in)[1];
    if (from.size() != 4 || like.size() != 4) throw std::invalid_argument("maps must be (N, C, H, W)");
    *out = {{from[0], from[1], like[2], like[3]}};
  });
}

MXReturnValue compute(const Attributes&, Tensors* in, Tensors* out, const OpResource&) {
  return guarded([&] {
    aff::resize(sides_of((*in)[0].shape, (*out)[0].shape), (*in)[0].data<float>(),
                (*out)[0].data<float>());
  });
}

// Of all inputs, `in` has the gradient of the output first.
MXReturnValue compute_gradients(const Attributes&, Tensors* in, Tensors* out, const OpResource&) {
  return guarded([&] {
    aff::resize_backward(sides_of((*out)[0].shape, (*in)[0].shape), (*in)[0].data<float>(),
                         (*out)[0].data<float>());
    float* like = (*out)[1].data<float>();
    std::fill(like, like + (*out)[1].size(), 0.0f);
  });
}

}  // namespace

REGISTER_OP(_aff_resize)
    .setForward(compute, "cpu")
    .setBackward(compute_gradients, "cpu")
    .setParseAttrs(parse)
    .setInferType(infer_type)
    .setInferShape(infer_shape);
