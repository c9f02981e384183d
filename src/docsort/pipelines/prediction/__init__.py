"""The prediction pipeline."""

from docsort.pipelines.prediction.pipeline import create_pipeline

__all__ = ["create_pipeline"]
