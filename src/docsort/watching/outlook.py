"""What the forecast becomes for the pages of some days, without a label.

The ensemble's forecast, moved by how much less sure of themselves the answers are than those to the pages validated on
(difference of confidences; Guillory et al., "Predicting with confidence on unseen distributions", ICCV 2021).
Measured against true scores its worst error was the smallest of five ways, and errors grow with the move: docs/watch.md
has the table. So the interval is that of the forecast, of the luck of so many pages, and of half the move.

A model may be sure of what it has never seen: pages outside of anything learnt may all be wrong, and the lower end
allows for it. Where many pages are outside of anything learnt no number is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from docsort.ensembling.reference import Reference
from docsort.watching.comparison import outside
from docsort.watching.pages import FEWEST, Period

REFUSED = 0.2
"""Share of pages outside of anything learnt from which on no number is given."""

SHARE_OF_MOVE = 0.5
"""Of the move, that counts as uncertain in either direction."""

NORMAL_95 = 1.96


@dataclass(frozen=True)
class Outlook:
    """macro_f1, accuracy and the interval [low, high] of the macro-F1 against right labels, all in [0, 1], None where
    no number is given, and then why; outside: share of the pages that are outside of anything learnt."""

    outside: float
    why: str = ""
    macro_f1: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None


def look_ahead(forecast: Mapping[str, Any] | None, reference: Reference, periods: Sequence[Period]) -> Outlook:
    """Of the pages of these periods together. forecast: of the manifest; None where none was made."""
    weights = np.concatenate([np.full(len(each), each.pages / max(len(each), 1)) for each in periods] or [np.zeros(0)])
    strange = np.concatenate([outside(reference, each) for each in periods] or [np.zeros(0, dtype=bool)])
    pages = sum(each.pages for each in periods)
    if pages < FEWEST:
        return Outlook(0.0, f"{pages} pages are too few")
    share = float(np.average(strange, weights=weights))
    if forecast is None or not len(reference.confidence):
        return Outlook(share, "the ensemble was not forecast to score anything")
    if share >= REFUSED:
        return Outlook(share, f"{share:.0%} of the pages are outside of anything learnt")
    confidence = float(np.average(np.concatenate([each.values["confidence"] for each in periods]), weights=weights))
    return _moved(forecast, confidence - float(reference.confidence.mean()), pages, share)


def _moved(forecast: Mapping[str, Any], move: float, pages: int, share: float) -> Outlook:
    """By the move of the mean confidence, in [-1, 1]."""
    macro_f1, accuracy = (float(np.clip(forecast[name] + move, 0, 1)) for name in ("macro_f1", "accuracy"))
    luck = NORMAL_95 * np.sqrt(accuracy * (1 - accuracy) / pages)
    low, high = forecast["interval"]
    below, above = (
        float(np.hypot(end, luck)) + SHARE_OF_MOVE * abs(move)
        for end in (forecast["macro_f1"] - low, high - forecast["macro_f1"])
    )
    return Outlook(share, "", macro_f1, accuracy, max(0.0, macro_f1 - below - share), min(1.0, macro_f1 + above))
