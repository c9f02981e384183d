"""The specialists pipeline."""

from docsort.pipelines.specialists.pipeline import create_pipeline

__all__ = ["create_pipeline"]
