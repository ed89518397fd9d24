"""egsc-tf: EGSC-IT for TensorFlow 2."""

import re
import sys
from pathlib import Path

from setuptools import find_packages, setup

if not (3, 9) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "egsc-tf needs Python 3.9 to 3.13 (TensorFlow has no other); this is Python "
        f"{sys.version_info.major}.{sys.version_info.minor}."
    )

HERE = Path(__file__).resolve().parent
VERSION = re.search(
    r'__version__ = "(.+)"', (HERE / "egsc_tf" / "version.py").read_text()
).group(1)

# Two legs (docs/start/install.md): the last TensorFlow with tensorflow-addons, and
# today's, with Keras 2 as tf_keras.
OLD, NEW = "; python_version < '3.12'", "; python_version >= '3.12'"
GRADIO = "gradio>=6,<7; python_version >= '3.10'"
HEIF = "pillow-heif>=0.16"
SERVING_API = [
    "tensorflow-serving-api==2.15.*" + OLD,
    "tensorflow-serving-api==2.21.*" + NEW,
]

setup(
    name="egsc-tf",
    version=VERSION,
    description="Exemplar guided unsupervised image-to-image translation (EGSC-IT) in "
    "TensorFlow 2: train, translate, export",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="The egsc_tf contributors",  # as CITATION.cff
    keywords="image-to-image translation, generative adversarial networks, adaptive "
    "instance normalization, TensorFlow",
    # The project has no public address yet: its `url`, and README's pictures on PyPI,
    # wait for one.
    project_urls={"Paper": "https://arxiv.org/abs/1805.11145"},
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(9, 14)),
        "Topic :: Multimedia :: Graphics",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Processing",
        "Typing :: Typed",
    ],
    packages=[
        *find_packages(include=["egsc_tf", "egsc_tf.*"]),
        "egsc_tf.export",
        "egsc_tf.experiments",  # The flagfiles; no Python.
        *(f"egsc_tf.{name}" for name in find_packages(include=["export.*"])),
    ],
    package_dir={
        "egsc_tf.export": "export",
        "egsc_tf.experiments": "experiments",
    },
    package_data={
        "egsc_tf": ["py.typed"],
        "egsc_tf.experiments": ["*.flags"],
        "egsc_tf.data.builders": ["checksums.tsv"],
        "egsc_tf.export.serving": ["templates/*"],
        "egsc_tf.reporting": ["templates/*"],
        # The sources of the web page; without node_modules.
        "egsc_tf.export.webpage": ["app/*", "app/public/*", "app/src/*"],
    },
    python_requires=">=3.9,<3.14",
    install_requires=[
        "absl-py>=1.4",
        "ai-edge-litert>=2.1",
        # tensorflow-datasets 4.9 imports it and does not ask for it.
        "importlib_resources",
        "jinja2>=3.1",
        "matplotlib>=3.7",
        "pillow>=9.5",
        "scikit-image>=0.20",
        "scikit-learn>=1.2",
        "scipy>=1.9",
        "tensorflow-datasets==4.9.*",
        "tqdm>=4.65",
        "keras==2.15.*" + OLD,
        "numpy<2" + OLD,
        "tensorflow==2.15.*" + OLD,
        "tensorflow-addons==0.23.*" + OLD,
        # 1.17 needs protobuf 5, TensorFlow 2.15 needs protobuf 4.
        "tensorflow-metadata<1.17" + OLD,
        "tensorflow==2.21.*" + NEW,
        # tf.summary imports it; TensorFlow 2.15 asks for it itself.
        "tensorboard>=2.20" + NEW,
        "tf_keras==2.21.*" + NEW,
    ],
    extras_require={
        "gpu": [
            "tensorflow[and-cuda]==2.15.*" + OLD,
            "tensorflow[and-cuda]==2.21.*" + NEW,
        ],
        # egsc_tf.export.saved_model writes warm-up requests; the client sends requests.
        "serving": ["requests>=2.31", *SERVING_API],
        # egsc_tf.beam_translate, and the large TFDS builders where they are asked to.
        # Releases before 2.69 pin another dill than tensorflow-datasets takes; Beam
        # writes TFRecords with google-crc32c and does not ask for it.
        "beam": ["apache-beam>=2.69,<3", "google-crc32c>=1.5"],
        # egsc_tf.app. Gradio 4, the last for Python 3.9, wants an older Pillow, and
        # older releases of what it is made of than it asks for.
        "app": [GRADIO],
        # Photos of phones: HEIC and HEIF.
        "heif": [HEIF],
        # make docs: the pages of docs/ as a site. mkdocstrings needs Python 3.10.
        "docs": ["mkdocs-material>=9.6", "mkdocstrings[python]>=0.29"],
        "test": [
            "apache-beam>=2.69,<3",
            "dill",  # tensorflow_datasets.testing imports it
            "google-crc32c>=1.5",
            "kubernetes-validate>=1.34",  # has the schemas of Kubernetes in it
            GRADIO,
            HEIF,
            "import-linter>=2",
            "mypy>=1.8",
            "playwright>=1.49",  # downloads no browser: tests/support/browser.py
            "pre-commit>=3.3",
            "pytest>=7.4",
            "pytest-xdist>=3.3",
            "pyyaml",
            "requests>=2.31",
            "ruff==0.17.6",
            *SERVING_API,
        ],
    },
)
