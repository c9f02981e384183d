"""A watch: what was found of some days' pages, and what the forecast becomes for them, as a record and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from docsort.ensembling.ensemble_files import EnsembleFiles
from docsort.ensembling.reference import Reference
from docsort.errors import InputError
from docsort.images.appearance import APPEARANCE
from docsort.watching.comparison import find_changes, limits_of
from docsort.watching.findings import Finding, tell
from docsort.watching.outlook import Outlook, look_ahead
from docsort.watching.pages import FEWEST, Period, WatchedPages

WATCHED = (*APPEARANCE, "novelty", "confidence")
QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True, eq=False)
class Watch:
    """periods that were looked at, findings, the worst first, and the outlook on all their pages, and on each period's;
    too_few: pages of one period alone that is too small; unreadable, undated: pages that were left out."""

    periods: tuple[Period, ...]
    findings: tuple[Finding, ...]
    outlook: Outlook
    outlooks: tuple[Outlook, ...]
    too_few: int
    unreadable: int
    undated: int

    @property
    def drifted(self) -> bool:
        """Whether something was found that lasts until the last day."""
        return any(each.lasting for each in self.findings)


def reference_of(ensemble: EnsembleFiles) -> Reference:
    """What the ensemble compares new pages with. Raises InputError where it was made before there was such a thing."""
    if ensemble.reference is None:
        raise InputError(
            f"Expected {ensemble.folder} to hold what new pages are compared with, but this ensemble was made before "
            "that was kept; make it anew: run the ensembling pipeline again."
        )
    return ensemble.reference


def watch(ensemble: EnsembleFiles, pages: WatchedPages, by: str = "day") -> Watch:
    """Compares the pages with the ensemble's reference. by: `day` or `week`. Raises InputError as `reference_of`."""
    reference, forecast = reference_of(ensemble), ensemble.manifest.forecast
    found = pages.periods(by)
    periods = [each for each in found if each.pages >= FEWEST]
    classes = dict(enumerate(name for _, name in ensemble.manifest.classes))
    findings = tell(find_changes(reference, periods), periods, classes)
    return Watch(
        tuple(periods),
        tuple(findings),
        look_ahead(forecast, reference, found),
        tuple(look_ahead(forecast, reference, [each]) for each in periods),
        sum(each.pages for each in found if each.pages < FEWEST),
        pages.unreadable,
        pages.undated,
    )


def in_words(found: Watch, forecast: Mapping[str, Any] | None) -> str:
    """Lines for people; where nothing has changed, one that says so."""
    pages = sum(each.pages for each in found.periods)
    lines = [finding.sentence for finding in found.findings]
    if found.periods and not lines:
        span = Period(found.periods[0].first, found.periods[-1].last, 0, {}, np.zeros(0, dtype=np.int64)).named()
        lines = [f"Nothing has changed: the {pages} pages of {span} are like those validated on."]
    if found.too_few or not found.periods:
        lines.append(f"{found.too_few} pages are too few to say anything; {FEWEST} are needed.")
    if found.periods:
        lines.append(outlook_in_words(found.outlook, forecast))
    left = {"could not be read": found.unreadable, "have no date": found.undated}
    lines += [f"{count} pages {why} and are left out." for why, count in left.items() if count]
    return "\n".join(lines)


def outlook_in_words(outlook: Outlook, forecast: Mapping[str, Any] | None) -> str:
    """What the forecast becomes for some pages, in a sentence."""
    if outlook.macro_f1 is None or forecast is None:
        return f"What the forecast becomes for these pages cannot be said: {outlook.why}."
    return (
        f"Macro-F1 expected on these pages: {outlook.macro_f1:.3f} [{outlook.low:.3f}, {outlook.high:.3f}]; "
        f"the forecast was {forecast['macro_f1']:.3f}."
    )


def record_of(found: Watch, ensemble: EnsembleFiles) -> dict[str, Any]:
    """JSON-able: `findings`, `outlook`, `forecast`, `left_out`, and `periods`, each with its pages, its own outlook and
    quantiles .05, .5 and .95 of each measure; `reference` the same of the pages validated on, and the `limits` beyond
    which a page is outside of anything learnt, None where there is none."""
    reference = reference_of(ensemble)
    return {
        "findings": [asdict(finding) for finding in found.findings],
        "outlook": asdict(found.outlook),
        "forecast": ensemble.manifest.forecast,
        "left_out": {"too_few": found.too_few, "unreadable": found.unreadable, "undated": found.undated},
        "periods": [
            {
                "first": str(period.first),
                "last": str(period.last),
                "pages": period.pages,
                "outlook": asdict(outlook),
                "quantiles": {name: _quantiles(period.known(name)) for name in WATCHED},
            }
            for period, outlook in zip(found.periods, found.outlooks, strict=True)
        ],
        "reference": {name: _quantiles(reference.validated[name]) for name in WATCHED},
        "limits": {name: [_finite(end) for end in limits_of(reference, name)] for name in WATCHED},
    }


def _quantiles(values: Sequence[float] | np.ndarray) -> list[float] | None:
    return [float(each) for each in np.quantile(values, QUANTILES)] if len(values) else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
