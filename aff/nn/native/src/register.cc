#include "operator.h"

MXReturnValue initialize(int version) {
  if (version >= 10700) return MX_SUCCESS;
  MX_ERROR_MSG << "mxnet " << version << " is older than the extension interface";
  return MX_FAIL;
}
