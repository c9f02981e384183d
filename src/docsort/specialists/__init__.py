"""Models for a few look-alike classes: which groups, whether each is accepted, and when it is asked."""
