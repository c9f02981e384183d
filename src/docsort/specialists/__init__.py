"""Models for a few look-alike classes: which groups, whether each may speak, and how it speaks."""
