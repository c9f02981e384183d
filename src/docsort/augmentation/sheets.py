"""Contact sheets: what each operation does to a page, and what the renders look like."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image as Picture

from docsort.augmentation.context import Image, unit_of
from docsort.augmentation.damage import damage
from docsort.augmentation.operations import OPERATIONS
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.recipes import apply_chain, apply_operation, draw_chain, draw_operation
from docsort.augmentation.shards import RENDERER_VERSION, WORKING_SCALE, Page, library_versions
from docsort.images.contact_sheet import contact_sheet
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.images.resizing import shrink_to_side
from docsort.seeding import derive_rng
from docsort.stores import Store, fingerprint
from docsort.work.executor import run

SHOWN_SIDE = 128
"""Of each picture, pixels."""

SEEDS = 6
"""Pictures in a row."""


def operations_sheet(
    page: Image, parameters: AugmentationParameters, names: Sequence[str] = tuple(OPERATIONS), seed: int = 0
) -> Picture.Image:
    """One row an operation with its usual ranges, then a row per recipe and one of test-like damage.

    The page is its own partner, turned upside down. The pictures are made in a worker, which has the libraries loaded.
    """
    images, captions = run(examples, page, parameters, tuple(names), seed)
    return contact_sheet(images, captions, SEEDS, SHOWN_SIDE)


def kept_operations_sheet(page: Page, parameters: AugmentationParameters, seed: int, store: Store) -> Picture.Image:
    """The sheet of all operations, drawn unless it is in the store."""

    def draw() -> bytes:
        data = BytesIO()
        operations_sheet(read_rgb(page.path), parameters, seed=seed).save(data, "PNG")
        return data.getvalue()

    made_by = [RENDERER_VERSION, library_versions(), list(OPERATIONS)]
    key = fingerprint("operations sheet", made_by, page.sha256, parameters, seed)
    return Picture.open(BytesIO(store.kept(key, draw)))


def examples(
    page: Image, parameters: AugmentationParameters, names: Sequence[str], seed: int
) -> tuple[list[Image], list[str]]:
    """SEEDS pictures (size, size, 3) for each row of the sheet, and a caption each. Imports the libraries."""
    page = shrink_to_side(page, SHOWN_SIDE * WORKING_SCALE)
    partner = np.ascontiguousarray(page[::-1])
    images, captions = [], []
    recipes = parameters.complete_recipes()
    for name in (*names, *recipes, "test-like"):
        for number in range(SEEDS):
            rng = derive_rng(seed, "example", name, number)
            if name in names:
                drawn = draw_operation(name, {}, rng)
                made = apply_operation(page, drawn, unit_of(page), partner)
                detail = " ".join(f"{value:.3g}" for value in drawn.numbers.values())
            elif name in recipes:
                chain = draw_chain(recipes, name, rng)
                made, detail = apply_chain(page, chain, lambda: partner), ""
            else:
                made, detail = damage(page, partner, parameters.damage, rng), ""
            images.append(letterbox(made, SHOWN_SIDE))
            captions.append(f"{name} {detail}".strip())
    return images, captions


def renders_sheet(manifest: pd.DataFrame, rows: int = 8, columns: int = 8, cell: int = 128) -> Picture.Image:
    """Renders of a manifest, spread evenly over its classes and sources: one row per source.

    Test images, which have no label, carry their ids.
    """
    if manifest.empty:
        return contact_sheet([], [], columns, cell)
    by_source = dict(iter(manifest.groupby("source_id")))
    labelled = "label" in manifest
    ordered = sorted(by_source, key=lambda name: int(by_source[name]["label"].iloc[0])) if labelled else list(by_source)
    chosen = [ordered[place] for place in np.unique(np.linspace(0, len(ordered) - 1, rows).round().astype(int))]
    images, captions = [], []
    for name in chosen:
        for row in by_source[name].head(columns).itertuples():
            images.append(read_rgb(str(row.path)))
            captions.append(f"{row.label} · {row.copy}" if labelled else str(name))
    return contact_sheet(images, captions, columns, cell)
