"""How training pages, test-like pages and test images look: what the pages of later days are compared with."""

import numpy as np
import pandas as pd

from docsort.augmentation.damage_fit import damaged_pages, spread
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.shards import Page, library_versions
from docsort.images.appearance import APPEARANCE, appearance_of_traits, measure_appearance
from docsort.stores import Store, fingerprint

PAGES = 600
"""Of each set that are measured, at most."""

SETS_VERSION = 2
"""Raise it whenever the same images would be measured otherwise."""


def measure_sets(
    clean_images: pd.DataFrame, images: pd.DataFrame, parameters: AugmentationParameters, seed: int, store: Store
) -> pd.DataFrame:
    """Columns `set` (training, test_like, test) and APPEARANCE, a row a page; no row `test` without test images. Of
    test-like pages, which are damaged anew here, the size is missing.

    clean_images: CLEAN_IMAGES; images: IMAGES; parameters: with the damage as fitted. Kept in the store.
    """
    shown = images.loc[images["split"] == "test", "sha256"]
    listed = [sorted(map(str, clean_images["sha256"])), sorted(map(str, shown))]
    key = fingerprint("appearance", SETS_VERSION, APPEARANCE, listed, parameters.damage, seed, library_versions())
    return store.kept_table(key, lambda: _measure(clean_images, images, parameters, seed))


def _measure(
    clean_images: pd.DataFrame, images: pd.DataFrame, parameters: AugmentationParameters, seed: int
) -> pd.DataFrame:
    training, test = (_chosen(table, seed) for table in (clean_images, images[images["split"] == "test"]))
    damaged = damaged_pages(training, parameters.damage, len(training), seed, "appearance")[2]
    found = {
        "training": measure_appearance([page.path for page in training]),
        "test_like": appearance_of_traits(damaged, [np.nan] * len(damaged)),
        "test": measure_appearance([page.path for page in test]),
    }
    tables = [pd.DataFrame(rows, columns=list(APPEARANCE)).assign(set=name) for name, rows in found.items()]
    return pd.concat(tables, ignore_index=True)[["set", *APPEARANCE]]


def _chosen(table: pd.DataFrame, seed: int) -> list[Page]:
    pages = [Page(str(row.path), str(row.sha256)) for row in table.sort_values("image_id").itertuples()]
    return spread(pages, seed)[:PAGES]
