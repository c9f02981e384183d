"""Docsort: document-type classifiers from little, noisy, unbalanced data, with scores you can believe."""

__version__ = "0.1.0"
