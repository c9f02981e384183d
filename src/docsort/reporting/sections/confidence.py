"""Whether confidences are calibrated, and what is answered without a person."""

from collections.abc import Sequence

from docsort.reporting.confidence_words import METHODS, abstention_in_words, calibration_table, target_table
from docsort.reporting.parts import Heading, Part, Plot, Table, Tables

TITLE = "Confidence"
NEEDS = ("scores", "reliability_figure", "risk_coverage_figure")


def section(tables: Tables) -> Sequence[Part]:
    """Calibration, then abstention."""
    calibration, review = tables["scores"]["calibration"], tables["scores"]["review"]
    return [
        f"{METHODS[calibration['method']]} They are calibrated if, of the pages answered with a confidence of .8, "
        "eight in ten are right. The expected calibration error (ECE) is how far it is from that, over 15 bins of "
        "equal width, or of equally many pages; by luck alone it would read as the column says. Lower is better in "
        "all, and what is calibrated was fitted without the page.",
        Plot("reliability_figure", tables["reliability_figure"]),
        Table(*calibration_table(calibration)),
        Heading("When not to answer"),
        abstention_in_words(review),
        Plot("risk_coverage_figure", tables["risk_coverage_figure"]),
        Table(*target_table(review)),
    ]
