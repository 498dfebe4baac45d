"""Attentional Feature Fusion (Dai et al., WACV 2021) for MXNet/Gluon."""

from . import compat

compat.prepare()

# What follows imports mxnet, so it has to come after `prepare`.
from . import fusion_concat, fusion_variants  # noqa: E402, F401  (registers them)
from .errors import InputError  # noqa: E402
from .families import count_parameters  # noqa: E402
from .fusion import create_fusion, list_fusions  # noqa: E402
from .inference import optimize_for_inference  # noqa: E402
from .model_zoo import get_model, list_models  # noqa: E402
from .pretrained import load_parameters, load_published  # noqa: E402
from .published import list_published  # noqa: E402

__version__ = "0.1.0"
__all__ = [
    "InputError",
    "count_parameters",
    "create_fusion",
    "get_model",
    "list_fusions",
    "list_models",
    "list_published",
    "load_parameters",
    "load_published",
    "optimize_for_inference",
]
