"""Fits the damage of validation pages to the unlabelled test images.

Clean training pages are damaged broadly, and what was done to each is noted. A classifier then tells these pages from
test pages by their traits (`images.traits`); its odds weigh each damaged page by how much it looks like a test page
(density ratio by classification: Bickel, Brückner & Scheffer, "Discriminative learning for differing training and test
distributions", ICML 2007). What was done to the pages, so weighted, is what was done to the test images: shares and
ranges are read off. Further rounds, each drawn from what the last one found, refine it (population Monte Carlo,
Cappé, Guillin, Marin & Robert 2004).

What traits cannot see, such as whether a symmetric page was mirrored, weighs nothing, and the value stays where it was.
No label of a test image is needed, and none is read. Nothing here chooses by a score.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.augmentation.damage import Damage, apply_damage, draw_damage
from docsort.augmentation.evidence import NEUTRAL, importance_weights, propose, read_off
from docsort.augmentation.operations import REFERENCE_SIDE
from docsort.augmentation.parameters import AugmentationParameters, DamageParameters
from docsort.augmentation.shards import Page, library_versions, read_page
from docsort.chunks import map_chunks
from docsort.files import write_atomically
from docsort.images.resizing import shrink_to_side
from docsort.images.traits import TRAITS, page_traits
from docsort.seeding import derive_rng, derive_seed
from docsort.stores import Store, fingerprint, read_checked
from docsort.tables import is_reviewed
from docsort.work.executor import executor

logger = logging.getLogger(__name__)

CHUNK = 20
FIT_VERSION = 1
"""Raise it whenever the same images give another fit."""

FIT_TABLE = "traits.csv"
FEWEST_TEST_IMAGES = 40
ROTATION_SHARES = ("uniform_rotation_share", "quarter_rotation_share")

DAMAGE_FIT = ("trait", "undamaged_mean", "damaged_mean", "test_mean", "ks_undamaged", "ks_damaged")
"""ks: Kolmogorov-Smirnov distance of a trait to that of test images, 0 to 1, before and after damage."""


def fit_damage(
    clean_images: pd.DataFrame, images: pd.DataFrame, parameters: AugmentationParameters, seed: int, store: Store
) -> tuple[dict[str, Any], pd.DataFrame]:
    """The record of the fit, and how near it came (columns DAMAGE_FIT).

    The record: `parameters` of the damage; `fitted`, whether they come from the test images; `insisted`, the names that
    were not fitted; `test_images` looked at; `auc` of telling test images from training pages that are undamaged,
    damaged as the parameters say `before`, and `after` the fit. Where the fit does not bring the pages nearer, what was
    there before is kept. A fit is kept in the store, under a fingerprint of all it depends on.
    """
    sources = [Page(str(row.path), str(row.sha256)) for row in clean_images[~is_reviewed(clean_images)].itertuples()]
    shown = images[images["split"] == "test"].sort_values("image_id")
    test = [Page(str(row.path), str(row.sha256)) for row in shown.itertuples()]
    before = overruled(parameters.damage, parameters.fit.insist)
    if not parameters.fit.enabled or len(test) < FEWEST_TEST_IMAGES:
        why = f"{len(test)} test images are too few" if parameters.fit.enabled else "it is switched off"
        logger.info("The damage is not fitted: %s", why)
        return _record(before, {}, 0, parameters), pd.DataFrame(columns=list(DAMAGE_FIT))
    listed = [sorted(page.sha256 for page in sources), [page.sha256 for page in test]]
    key = fingerprint("damage fit", FIT_VERSION, listed, before, parameters.fit, seed, library_versions())
    saved = store.folder(key) / FIT_TABLE
    record = store.finished(key)
    if record is not None:
        logger.info("The fit of the damage: unchanged, nothing to do")
        return _in_order(record, parameters), pd.read_csv(BytesIO(read_checked(saved)))
    record, table = _fit(
        spread(sources, seed), spread(test, seed)[: parameters.fit.test_pages], before, parameters, seed
    )
    write_atomically(saved, table.to_csv(index=False).encode())
    store.complete(key, record)
    return record, table


def overruled(damage: DamageParameters, insist: Mapping[str, Any]) -> DamageParameters:
    """With the values that a person insists on; what else is turned makes room for them."""
    values = damage.model_dump() | dict(insist)
    for own, other in (ROTATION_SHARES, ROTATION_SHARES[::-1]):
        if own in insist and other not in insist:
            values[other] = min(values[other], 1 - values[own])
    return DamageParameters.model_validate(values)


def damaged_so(parameters: AugmentationParameters, record: Mapping[str, Any]) -> AugmentationParameters:
    """The parameters with the damage of the record of a fit."""
    return parameters.with_damage(DamageParameters.model_validate(record["parameters"]))


def _fit(
    sources: list[Page], test: list[Page], before: DamageParameters, parameters: AugmentationParameters, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    count = parameters.fit.pages
    wanted = measure_pages([(page, None) for page in test], [NEUTRAL] * len(test))
    clean = [(page, None) for page in sources[:count]]
    undamaged = measure_pages(clean, [NEUTRAL] * len(clean))
    _, far = importance_weights(undamaged, [page.sha256 for page, _ in clean], wanted, seed)
    logger.info("Test images and undamaged training pages are told apart with an AUC of %.3f", far)
    found = before
    for number in range(parameters.fit.rounds):
        pages, drawn, traits = damaged_pages(sources, propose(found), count, seed, f"fit, round {number}")
        weights, auc = importance_weights(traits, [page.sha256 for page, _ in pages], wanted, seed)
        table = pd.DataFrame([asdict(damage) for damage in drawn])
        found = overruled(read_off(table, traits, weights, found), parameters.fit.insist)
        logger.info("Fit of the damage, round %d of %d: AUC %.3f", number + 1, parameters.fit.rounds, auc)
    made: dict[str, NDArray[np.float32]] = {}
    aucs = {"undamaged": far}
    for name, candidate in (("before", before), ("after", found)):
        pages, _, made[name] = damaged_pages(sources, candidate, count, seed, "fit, check")
        _, aucs[name] = importance_weights(made[name], [page.sha256 for page, _ in pages], wanted, seed)
    better = aucs["after"] <= aucs["before"]
    logger.info("Damaged as before the AUC is %.3f, as fitted %.3f", aucs["before"], aucs["after"])
    record = _record(found if better else before, aucs, len(test), parameters, better)
    return record, compare(undamaged, made["after" if better else "before"], wanted)


def _record(
    damage: DamageParameters,
    aucs: dict[str, float],
    count: int,
    parameters: AugmentationParameters,
    fitted: bool = False,
) -> dict[str, Any]:
    rounded = {name: round(auc, 4) for name, auc in aucs.items()}
    insisted = sorted(parameters.fit.insist)
    record = {"fitted": fitted, "test_images": count, "auc": rounded, "insisted": insisted}
    return record | {"parameters": damage.model_dump(mode="json")}


def _in_order(record: Mapping[str, Any], parameters: AugmentationParameters) -> dict[str, Any]:
    """A record that was kept as it was made: the store sorts, and two runs must write the same bytes."""
    damage = DamageParameters.model_validate(record["parameters"])
    aucs = {name: record["auc"][name] for name in ("undamaged", "before", "after")}
    return _record(damage, aucs, record["test_images"], parameters, record["fitted"])


def compare(undamaged: NDArray[np.float32], damaged: NDArray[np.float32], wanted: NDArray[np.float32]) -> pd.DataFrame:
    """Columns DAMAGE_FIT, one row per trait, the worst matched first."""
    from scipy.stats import ks_2samp

    rows = []
    for column, name in enumerate(TRAITS):
        own, after, asked = (values[:, column].astype(float) for values in (undamaged, damaged, wanted))
        distances = [float(ks_2samp(values, asked).statistic) for values in (own, after)]
        rows.append((name, own.mean(), after.mean(), asked.mean(), *distances))
    table = pd.DataFrame(rows, columns=list(DAMAGE_FIT)).round(4)
    return table.sort_values("ks_damaged", ascending=False, kind="stable", ignore_index=True)


def damaged_pages(
    sources: Sequence[Page], parameters: DamageParameters, count: int, seed: int, purpose: str
) -> tuple[list[tuple[Page, Page | None]], list[Damage], NDArray[np.float32]]:
    """Pages with partners, what was drawn for each, and the traits afterwards."""
    pages: list[tuple[Page, Page | None]] = []
    drawn = []
    for number in range(count):
        rng = derive_rng(seed, purpose, number)
        pages.append((sources[number % len(sources)], sources[int(rng.integers(len(sources)))]))
        drawn.append(draw_damage(parameters, rng))
    return pages, drawn, measure_pages(pages, drawn)


def spread(pages: Sequence[Page], seed: int) -> list[Page]:
    """In an order that depends on the bytes alone, not on names or classes."""
    return sorted(pages, key=lambda page: derive_seed(seed, "fit, order", page.sha256))


def damage_and_measure(page: Page, partner: Page | None, drawn: Damage) -> NDArray[np.float32]:
    """Traits (T,) of a page after the drawn damage. Runs in a worker."""
    cv2.setNumThreads(0)
    needed = partner if drawn.needs_partner else None
    other = None if needed is None else shrink_to_side(read_page(needed), REFERENCE_SIDE)
    return page_traits(apply_damage(shrink_to_side(read_page(page), REFERENCE_SIDE), other, drawn))


def measure_pages(pages: Sequence[tuple[Page, Page | None]], drawn: Sequence[Damage]) -> NDArray[np.float32]:
    """Traits (N, T) of the pages, each with its partner, after the drawn damage."""
    items = [(page, partner, damage) for (page, partner), damage in zip(pages, drawn, strict=True)]
    return np.stack(map_chunks(executor().map, damage_and_measure, items, CHUNK))
