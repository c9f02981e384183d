"""How test photos differ from training photos, and how near the damaged validation pages come to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from docsort.cleaning.drift import AUC_ROW, FEWEST
from docsort.images.traits import TRAITS
from docsort.reporting.parts import Closed, Heading, Part, Plot, Table, Tables, shown, table_of, when

TITLE = "Drift"
NEEDS = ("drift", "drift_figure", "fitted_damage", "damage_fit")

TRAITS_SHOWN = 12


def section(tables: Tables) -> Sequence[Part]:
    """Of the photos, then of the damage."""
    drift, damage, fit = tables["drift"], tables["fitted_damage"], tables["damage_fit"]
    measures = drift[drift["measure"] != AUC_ROW]
    parameters = [(name.replace("_", " "), _span(value)) for name, value in damage["parameters"].items()]
    return [
        drift_in_words(drift),
        Plot("drift_figure", tables["drift_figure"]),
        *when(len(measures), Closed("All measures", [table_of(measures)])),
        Heading("The damage of the test-like pages"),
        damage_in_words(damage),
        Closed("What it is", [Table(["parameter", "value"], parameters)]),
        *when(len(fit), Closed("What it matches worst", [table_of(fit.head(TRAITS_SHOWN))])),
    ]


def drift_in_words(drift: pd.DataFrame) -> str:
    """How well test photos can be told from training photos."""
    if drift.empty:
        return "There are no test photos to compare with the training photos."
    together = drift.loc[drift["measure"] == AUC_ROW, "ks"].tolist()
    told = (
        f"By all measures together a classifier tells a test photo from a training photo with an AUC of "
        f"{together[0]:.3f}; 0.5 would mean that it cannot, 1 that it always can."
        if together
        else f"With fewer than {FEWEST} photos of either no classifier was asked to tell them apart."
    )
    return f"How test photos differ from training photos. {told}"


def damage_in_words(damage: Mapping[str, Any]) -> str:
    """How near the damaged validation pages come to the test images."""
    if not damage["auc"]:
        return "The damage of the test-like pages was not fitted to test images: it is as the parameters say."
    auc = damage["auc"]
    used = "The fitted one is used." if damage["fitted"] else "The fit came no nearer, so the parameters are used."
    return (
        f"Test photos are told from undamaged training photos with an AUC of {auc['undamaged']:.3f} by {len(TRAITS)} "
        f"traits, from photos with the damage that the parameters begin with of {auc['before']:.3f}, with the fitted "
        f"damage of {auc['after']:.3f}; 0.5 would mean that they cannot be told apart. {used}"
    )


def _span(value: object) -> str:
    return " to ".join(shown(end) for end in value) if isinstance(value, list | tuple) else shown(value)
