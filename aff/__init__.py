"""Attentional Feature Fusion (Dai et al., WACV 2021) for MXNet/Gluon."""

from . import compat

compat.prepare()

# What follows imports mxnet, so it has to come after `prepare`.
from .models.factory import get_model, list_models  # noqa: E402
from .models.inference import optimize_for_inference  # noqa: E402
from .models.pretrained import load_parameters, load_published  # noqa: E402
from .models.registry import count_parameters  # noqa: E402
from .models.weights import list_published  # noqa: E402
from .nn import fusion_baselines as fusion_variants
from .nn import fusion_concat  # noqa: E402, F401  (registers them)
from .nn.fusion import create_fusion, list_fusions  # noqa: E402
from .utils.errors import InputError  # noqa: E402

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
