"""How the members learnt."""

from collections.abc import Sequence

from docsort.reporting.parts import Part, Plot, Tables

TITLE = "Training"
NEEDS = ("learning_curves_figure",)


def section(tables: Tables) -> Sequence[Part]:
    """The curves."""
    return [Plot("learning_curves_figure", tables["learning_curves_figure"])]
