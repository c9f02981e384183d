"""How Kedro's nodes are scheduled."""

from docsort.runners.fold_runner import FoldRunner

__all__ = ["FoldRunner"]
