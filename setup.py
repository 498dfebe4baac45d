"""Packaging. ``pip install .`` gives a working CPU install; GPUs: ``AFF_MXNET=cu112 pip install
'.[cu112]'``.

``mxnet`` and ``mxnet-cu112`` both own the folder ``mxnet/``, and no marker of pip's can make an
extra take a requirement away. So the environment variable AFF_MXNET chooses when the package is
built: ``cpu`` (default) or ``cu112``. The extra without the variable would bring both; it asks for
a version of mxnet that cannot be, whose name says what to do, and pip refuses before it installs
anything.
"""

import os
import re

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

MXNET = {"cpu": "mxnet==1.9.1", "cu112": "mxnet-cu112==1.9.1"}
CUDA_LIBRARIES = [
    "nvidia-cuda-runtime-cu11==11.8.89",
    "nvidia-cuda-nvrtc-cu11==11.8.89",
    "nvidia-nvtx-cu11==11.8.86",
    "nvidia-cublas-cu11==11.11.3.6",
    "nvidia-cufft-cu11==10.9.0.58",
    "nvidia-curand-cu11==10.3.0.86",
    "nvidia-cusolver-cu11==11.4.1.48",
    "nvidia-cudnn-cu11==8.9.6.50",
    "nvidia-nccl-cu11==2.21.5",
]
DOCS = ["mkdocs>=1.6,<2", "mkdocstrings[python]>=0.26,<2"]
EXPORT = ["onnx>=1.14,<1.19", "onnxruntime>=1.14", "safetensors>=0.4"]  # mxnet reads onnx.mapping
#: Fills the polygons of COCO's annotations.
COCO = ["pycocotools>=2.0.7,<3"]
#: Only to run and check exported PyTorch networks; on Linux, PyPI's brings CUDA's libraries.
TORCH = ["torch==2.13.0; python_version >= '3.10'", "torch==2.4.1; python_version < '3.10'"]
TENSORBOARD = ["tensorboardX>=2.6,<3"]
build = os.environ.get("AFF_MXNET", "cpu")
if build not in MXNET:
    raise SystemExit(f"AFF_MXNET={build}: valid: {', '.join(MXNET)}")
refusal = [] if build == "cu112" else ["mxnet==0+set.AFF.MXNET.to.cu112.for.this.extra"]

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "aff", "__init__.py"), encoding="utf-8") as file:
    version = re.search(r'__version__ = "(.+)"', file.read()).group(1)
with open(os.path.join(here, "README.md"), encoding="utf-8") as file:
    readme = file.read()


#: What comes with a wheel as packages of data; an editable install finds it in the clone.
DATA = {"aff.params": "params", "aff.logs": "logs"}


class BuildWithData(build_py):
    """Adds our own parameters, and the published curves and the ablations' logs."""

    def finalize_options(self):
        super().finalize_options()
        if not self.editable_mode:
            self.packages = [*self.packages, *DATA]
            self.package_dir = {**self.package_dir, **DATA}


setup(
    name="aff-mxnet",
    version=version,
    description="Attentional Feature Fusion (WACV 2021) for MXNet/Gluon",
    long_description=readme,
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(8, 13)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    project_urls={
        "Paper": "https://arxiv.org/abs/2009.14082",
        "Published code": "https://github.com/YimianDai/open-aff",
    },
    packages=find_packages(include=["aff", "aff.*"]),
    # One folder of packages has an editable install be a path. In another layout it is a finder
    # that comes after Python's own, which any folder named aff, such as the clone's, would hide.
    package_dir={"": "."},
    cmdclass={"build_py": BuildWithData},
    package_data={
        "aff.models": ["published.json"],
        "aff.nn.native": ["src/*"],
        "aff.paper": ["log_settings.json"],
        "aff.data.datasets": ["*.gz", "class_names.json"],
        "aff.params": ["fashion_mnist_*.params"],
        "aff.logs": [
            "published/*.csv",
            "ablation/b*/train.jsonl",
            "tenth/b*/train.jsonl",
            "scenes/b*/train.jsonl",
            "scenes/b*/evaluation.json",
        ],
    },
    python_requires=">=3.8,<3.13",
    install_requires=[
        MXNET[build],
        "numpy>=1.24,<2",
        "gluoncv>=0.10.5,<0.11",
        "opencv-python<4.12",  # 5.x wants NumPy 2
        "pillow>=9.1",
        "requests>=2.20,<3",
        "matplotlib>=3.7,<4",
        "tqdm>=4.60,<5",
        "scipy>=1.7",  # GluonCV's, too
        "setuptools>=65; python_version >= '3.12'",  # mxnet and gluoncv import distutils
    ],
    extras_require={
        "cu112": [MXNET["cu112"], *CUDA_LIBRARIES, *refusal],
        "docs": DOCS,
        "coco": COCO,
        "export": EXPORT,
        "torch": TORCH,
        "tensorboard": TENSORBOARD,
        "dev": [
            "pytest>=7,<9",
            "pytest-xdist>=3,<4",
            "hypothesis>=6,<7",
            "ruff>=0.5,<1",
            "mypy>=1.5,<2",
            *DOCS,
            *EXPORT,
            *TENSORBOARD,
            "tensorboard>=2.14,<3",  # reads back what was written
            *COCO,
        ],
    },
    entry_points={"console_scripts": ["aff = aff.cli.main:main"]},
)
