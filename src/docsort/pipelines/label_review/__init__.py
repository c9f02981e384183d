"""The label review pipeline."""

from docsort.pipelines.label_review.pipeline import create_pipeline

__all__ = ["create_pipeline"]
