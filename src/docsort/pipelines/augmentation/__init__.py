"""The augmentation pipeline."""

from docsort.pipelines.augmentation.pipeline import create_pipeline

__all__ = ["create_pipeline"]
