"""Datasets of Docsort's own: they turn bytes into objects, atomically, and show them in kedro-viz."""
