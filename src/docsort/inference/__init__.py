"""From a checkpoint and pages to a table of probabilities."""
