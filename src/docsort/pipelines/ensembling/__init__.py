"""The ensembling pipeline."""

from docsort.pipelines.ensembling.pipeline import create_pipeline

__all__ = ["create_pipeline"]
