"""Docsort: document-type classifiers from little, noisy, unbalanced data, with scores you can believe."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docsort.serving.classifier import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """`docsort.load`, imported when it is asked for: most that import this package never ask."""
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from docsort.serving.classifier import load

    return load
