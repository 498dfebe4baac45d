// What the operators share of mxnet's extension interface.
#pragma once

#include <locale>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "fusion.h"
#include "lib_api.h"

using mxnet::ext::kFloat32;
using mxnet::ext::MX_FAIL;
using mxnet::ext::MX_SUCCESS;
using mxnet::ext::MXReturnValue;
using mxnet::ext::MXTensor;
using mxnet::ext::OpResource;
using Attributes = std::unordered_map<std::string, std::string>;
using Shapes = std::vector<std::vector<unsigned int>>;
using Tensors = std::vector<MXTensor>;

inline const std::string& attribute(const Attributes& attributes, const char* name) {
  return attributes.at(name);
}

// A number as Python writes it, whatever the process's locale has for a decimal point.
inline float number(const Attributes& attributes, const char* name) {
  std::istringstream text(attribute(attributes, name));
  text.imbue(std::locale::classic());
  float value;
  if (!(text >> value)) throw std::invalid_argument(name);
  return value;
}

// What all operators are told of BatchNorm.
inline aff::Settings norm_settings(const Attributes& attributes) {
  return {number(attributes, "eps"), number(attributes, "momentum"), 1, false,
          attribute(attributes, "frozen") == "1"};
}

inline aff::Shape shape_of(const std::vector<int64_t>& shape, int64_t inner) {
  return {shape[0], shape[1], inner, shape[2] * shape[3]};
}

inline aff::Allocate allocator(const OpResource& resource) {
  return [&resource](size_t bytes) {
    constexpr size_t kMost = 0x7fffffff - 64;
    if (bytes > kMost) throw std::bad_alloc();
    const auto address = reinterpret_cast<uintptr_t>(resource.alloc_cpu(static_cast<int>(bytes) + 64));
    return reinterpret_cast<void*>((address + 63) / 64 * 64);
  };
}

template <class Work>
MXReturnValue guarded(Work&& work) {
  try {
    work();
    return MX_SUCCESS;
  } catch (const std::exception& error) {
    MX_ERROR_MSG << error.what();
    return MX_FAIL;
  }
}

inline MXReturnValue infer_type(const Attributes&, std::vector<int>* in, std::vector<int>* out) {
  for (int& type : *in) {
    if (type != kFloat32 && type != -1) {
      MX_ERROR_MSG << "the operator computes in float32 alone";
      return MX_FAIL;
    }
    type = kFloat32;
  }
  for (int& type : *out) type = kFloat32;
  return MX_SUCCESS;
}

