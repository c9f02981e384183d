"""Scores, figures, galleries, the report and the model card: what a person reads of a run."""
