"""The training pipeline."""

from docsort.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
