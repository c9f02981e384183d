"""The cleaning pipeline."""

from docsort.pipelines.cleaning.pipeline import create_pipeline

__all__ = ["create_pipeline"]
