"""What more views of a page are worth."""

from collections.abc import Sequence

from docsort.reporting.parts import Part, Plot, Tables

TITLE = "Views"
NEEDS = ("view_curve_figure",)


def section(tables: Tables) -> Sequence[Part]:
    """The figure."""
    return [
        "A page is laid down in several ways and the answers are averaged. Every way of asking is tried on what the "
        "models said out of fold; used is the cheapest that costs next to nothing, ringed. “Until sure” asks on while "
        "the first class leads the second by less than the number says. Bars are the interval of the difference from "
        "all views.",
        Plot("view_curve_figure", tables["view_curve_figure"]),
    ]
