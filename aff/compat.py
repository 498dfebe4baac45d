"""All that must happen before ``import mxnet``; the only module that touches the process
environment.

`prepare()` runs once, when the package is imported. It

1. gives OpenMP every processor this process may use (mxnet 1.9.1 takes half of them, as if they
   were hyper-threads), unless the user has set ``OMP_NUM_THREADS``;
2. puts back the NumPy aliases that mxnet 1.9.1 still reads and NumPy 1.24 removed;
3. loads the NVIDIA libraries of the ``cu112`` extra, which mxnet looks for only beside itself;
4. has GluonCV imported as if PyTorch were not there: it refuses PyTorch 2, and needs none;
5. refuses pickles in the servers and the scheduler of a distributed job.

`import_mxnet()`, which the commands and the package's names go through, refuses with an
`ImportError` of one line an environment in which mxnet is missing or NumPy too new, or in which
``mxnet`` and ``mxnet-cu112`` overwrote each other.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import math
import os
import platform
import shutil
import sys
from importlib import metadata
from types import ModuleType
from typing import Dict, List, Optional

from .utils.processor import cpuinfo, instruction_set
from .utils.unpickling import refuse_pickles
from .utils.without_torch import hide_torch

NUMPY_ALIASES = {
    "bool": bool,
    "int": int,
    "float": float,
    "complex": complex,
    "object": object,
    "str": str,
}

#: Where the wheels of the extra ``cu112`` put what ``mxnet-cu112`` links, in the order of their
#: dependencies.
CUDA_LIBRARIES = (
    "cuda_runtime/lib/libcudart.so.11*",
    "cuda_nvrtc/lib/libnvrtc.so.11*",
    "nvtx/lib/libnvToolsExt.so.1*",
    "cublas/lib/libcublasLt.so.11*",
    "cublas/lib/libcublas.so.11*",
    "cufft/lib/libcufft.so.10*",
    "curand/lib/libcurand.so.10*",
    "cusolver/lib/libcusolver.so.11*",
    "cudnn/lib/libcudnn.so.8*",
    "cudnn/lib/libcudnn_ops_infer.so.8*",
    "cudnn/lib/libcudnn_ops_train.so.8*",
    "cudnn/lib/libcudnn_cnn_infer.so.8*",
    "cudnn/lib/libcudnn_cnn_train.so.8*",
    "cudnn/lib/libcudnn_adv_infer.so.8*",
    "cudnn/lib/libcudnn_adv_train.so.8*",
    "nccl/lib/libnccl.so.2*",
)


def available_cpus() -> int:
    """Return the number of processors this process may use: its affinity mask, capped by a cgroup's
    quota.
    """
    try:
        cpus = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        cpus = os.cpu_count() or 1
    return max(1, min(cpus, _cgroup_quota()))


def _cgroup_quota(path: str = "/sys/fs/cgroup/cpu.max") -> int:
    try:
        with open(path, encoding="ascii") as file:
            quota, period = file.read().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2 here, or quota "max"
        return sys.maxsize


def set_threads() -> None:
    """Set ``OMP_NUM_THREADS`` to `available_cpus()` where the user has not set it."""
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(available_cpus())
        os.environ["AFF_SET_THREADS"] = "1"


def environment_of_share(processes: Optional[int]) -> Dict[str, str]:
    """Return the environment of one of several processes that share this machine's processors, or,
    of None, of one on another machine.
    """
    environment = dict(os.environ)
    if environment.pop("AFF_SET_THREADS", None):
        environment.pop("OMP_NUM_THREADS", None)
        if processes:
            environment["OMP_NUM_THREADS"] = str(max(1, available_cpus() // processes))
    return environment


def check_numpy() -> None:
    """Refuse a NumPy that mxnet 1.9.1 cannot be imported with.

    Raises
    ------
    ImportError
        Which says which one serves.
    """
    import numpy

    if int(numpy.__version__.split(".")[0]) >= 2:
        raise ImportError(
            f"mxnet 1.9.1 needs NumPy below 2, found {numpy.__version__}: pip install 'numpy<2'"
        )


def restore_numpy_aliases() -> None:
    """Give NumPy back the names (``numpy.bool`` and friends) that mxnet 1.9.1 reads at import."""
    import numpy

    for name, builtin in NUMPY_ALIASES.items():
        if name not in vars(numpy):
            setattr(numpy, name, builtin)


def installed(distribution: str) -> bool:
    """Tell whether a distribution of this name is installed."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def check_mxnet() -> None:
    """Refuse a missing mxnet, and ``mxnet`` installed over ``mxnet-cu112`` (both own the folder
    ``mxnet/``).
    """
    if importlib.util.find_spec("mxnet") is None:
        raise ImportError(
            "mxnet is not installed for this Python: pip install . (README, 'Install')"
        )
    if installed("mxnet") and installed("mxnet-cu112"):
        raise ImportError(
            "both mxnet and mxnet-cu112 are installed and have overwritten each other: pip "
            "uninstall -y mxnet mxnet-cu112, then install one of them (README, 'Install')"
        )


def load_cuda_libraries(root: str | None = None) -> list[str]:
    """Load the libraries of the extra ``cu112``, where it is installed, so that ``libmxnet.so``
    finds them.

    Parameters
    ----------
    root : str, optional
        The ``nvidia`` folder of site-packages; by default the one that this interpreter would
        import from.

    Returns
    -------
    list of str
        The files loaded, in order. Libraries that are not there are left to the system's own CUDA.
    """
    spec = None if root else importlib.util.find_spec("nvidia")
    roots = list(spec.submodule_search_locations or []) if spec else [root] if root else []
    loaded = []
    for pattern in CUDA_LIBRARIES:
        for path in sorted(
            path for root in roots for path in glob.glob(os.path.join(root, pattern))
        ):
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
            loaded.append(path)
    return loaded


def import_mxnet() -> ModuleType:
    """Import mxnet, once it is known to be one that can be imported.

    Raises
    ------
    ImportError
        Of one line: mxnet is missing, overwritten or cannot be loaded, or NumPy is too new.
    """
    check_mxnet()
    check_numpy()
    try:
        import mxnet
    except OSError as error:
        raise ImportError(
            f"mxnet cannot be loaded ({error}): mxnet-cu112 needs NVIDIA's driver; on a machine "
            "without a GPU install the CPU build (README, 'Install')"
        ) from error
    return mxnet


def import_cv2() -> ModuleType:
    """Import OpenCV.

    Raises
    ------
    ImportError
        Of one line: it is missing, or a library that it links is, as libGL in slim containers.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"OpenCV cannot be imported ({error}): pip uninstall -y opencv-python, then "
            "pip install 'opencv-python-headless<4.12'; or, on Debian and Ubuntu, "
            "apt-get install libgl1 libglib2.0-0"
        ) from error
    return cv2


def machine() -> Dict[str, object]:
    """Return what a run's rounding depends on: processor, instruction set (what oneDNN may use of
    it) and OpenMP threads. Runs repeat bit for bit where these are the same.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return {
        "processor": cpuinfo("model name") or platform.machine(),
        "instruction_set": os.environ.get("DNNL_MAX_CPU_ISA") or instruction_set(),
        "threads": int(threads) if threads.isdigit() else available_cpus(),
    }


def job() -> Dict[str, str]:
    """Return what the launcher of a distributed job has told this process, by the names of its
    variables without ``DMLC_``, which are mxnet's, and ``AFF_JOB_``; empty outside of a job.
    """
    if not os.environ.get("DMLC_ROLE"):
        return {}
    return {
        key[len(prefix) :]: value
        for prefix in ("DMLC_", "AFF_JOB_")
        for key, value in os.environ.items()
        if key.startswith(prefix)
    }


def set_node_host(address: str) -> None:
    """Have mxnet's kvstore listen at an address of this machine, unless the user has named one."""
    if "DMLC_INTERFACE" not in os.environ:
        os.environ.setdefault("DMLC_NODE_HOST", address)


def mirror() -> Optional[str]:
    """Return the mirror of the published parameters that ``AFF_MIRROR`` names, if it does."""
    return os.environ.get("AFF_MIRROR") or None


def native_wanted() -> bool:
    """Tell whether the native operator may be used: ``AFF_NATIVE=0`` says that it may not."""
    return os.environ.get("AFF_NATIVE") != "0"


def compiler() -> List[str]:
    """Return the words of the command that ``CXX`` names as the C++ compiler, if it does."""
    named = os.environ.get("CXX", "")
    return [named] if shutil.which(named) else named.split()


def cache_folder() -> str:
    """Return the folder of what can be made again, by the rules of the desktop."""
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "aff")


def processor() -> str:
    """Return what machine code for this processor depends on."""
    of_arm = map(cpuinfo, ("CPU implementer", "CPU part", "Features"))
    usual = [platform.machine(), cpuinfo("model name"), cpuinfo("flags")]
    return " ".join([*usual, *filter(None, of_arm)])


def prepare() -> None:
    """Do what has to be done before ``import mxnet``. It does nothing harmful where mxnet has been
    imported already, opens nothing and raises nothing: what is wrong `import_mxnet` says.
    """
    set_threads()
    restore_numpy_aliases()
    hide_torch()
    if job().get("ROLE") in ("server", "scheduler"):
        refuse_pickles()
    if installed("mxnet-cu112"):
        load_cuda_libraries()
