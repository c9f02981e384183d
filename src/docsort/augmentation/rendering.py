"""Renders pages in bulk: training renders by a recipe, validation renders plain and test-like.

Runs in the main process and hands shards to the workers. Finished shards are kept below `<store>/shards` under
fingerprints of what made them; a finished set is a manifest in the store. So a run that was killed goes on from its
finished shards, a changed source or recipe rebuilds the shards it touches, and an unchanged call reads one table.

A render depends on (root seed, recipe, source bytes, copy number) and on its partner pages: not on the number of
workers, on the order, or on the shard size. Memory does not grow with the number of renders beyond the manifest itself.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.augmentation.operations import NEED_PARTNER
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.partners import partner_pools
from docsort.augmentation.plan import copies_per_source, sources
from docsort.augmentation.recipes import operations_of, recipes_used
from docsort.augmentation.shards import (
    DAMAGED,
    PLAIN,
    TRAINING,
    Page,
    Shard,
    Style,
    Styled,
    file_name,
    is_unrecorded,
    record_sums,
    render_shards,
    shard_key,
    wanting,
)
from docsort.chunks import chunks
from docsort.errors import listing
from docsort.files import remove_partials, write_atomically
from docsort.images.page_format import PageFormat
from docsort.stores import Store, fingerprint, read_checked
from docsort.tables import RENDERS, VALIDATION_RENDERS
from docsort.work.executor import executor

logger = logging.getLogger(__name__)

MANIFEST = "manifest.parquet"
SHARDS = "shards"
SECONDS_BETWEEN_LINES = 5.0

Item = tuple[str, int]


def render_training(
    clean_images: pd.DataFrame,
    folds: pd.DataFrame,
    classes: pd.DataFrame,
    parameters: AugmentationParameters,
    formats: Mapping[PageFormat, int | None],
    seed: int,
    store: Store,
) -> pd.DataFrame:
    """The manifest of the training renders (tables.RENDERS) in every format, rendering what is not there yet.

    Copy 0 of every source is the plain page, the others are made by the recipe. formats: the highest copy that is
    wanted in each, None for all.
    """
    listed = sources(clean_images, folds)
    copies = copies_per_source(clean_images, folds, classes, parameters).set_index("source_id")["copies"]
    recipes = recipes_used(parameters.complete_recipes(), parameters.recipe)
    styles = _styles(formats, parameters, seed, recipes=recipes, recipe=parameters.recipe)
    mixing = any(name in NEED_PARTNER for name in operations_of(recipes))
    wanted = [{str(name): _copies(int(count), most) for name, count in copies.items()} for most in formats.values()]
    return _render_sets("training", listed, wanted, styles, mixing, parameters, store)[list(RENDERS)]


def render_validation(
    clean_images: pd.DataFrame,
    folds: pd.DataFrame,
    parameters: AugmentationParameters,
    formats: Iterable[PageFormat],
    seed: int,
    store: Store,
) -> pd.DataFrame:
    """The manifest of the validation renders (tables.VALIDATION_RENDERS) in every format, rendering what is missing.

    Condition "clean": the plain page, once; "test_like": `validation_copies` damaged copies per source.
    """
    listed, styles = sources(clean_images, folds), _styles(formats, parameters, seed, damage=parameters.damage)
    kinds = [(PLAIN, 0), *((DAMAGED, copy) for copy in range(parameters.validation_copies))]
    items = [dict.fromkeys(listed["image_id"], kinds)] * len(styles)
    manifest = _render_sets("validation", listed, items, styles, _mixes(parameters), parameters, store)
    manifest["condition"] = manifest["kind"].map({PLAIN: "clean", DAMAGED: "test_like"})
    return manifest[list(VALIDATION_RENDERS)]


def render_holdout(
    holdout: pd.DataFrame, parameters: AugmentationParameters, formats: Iterable[PageFormat], seed: int, store: Store
) -> pd.DataFrame:
    """The manifest (tables.VALIDATION_RENDERS, fold -1) of the pages that were set aside, damaged as the test images
    are; they stay photos, neither straightened nor letterboxed nor small, since an ensemble lays its pages out itself.

    holdout: CLEAN_IMAGES.
    """
    if holdout.empty:
        return pd.DataFrame(columns=list(VALIDATION_RENDERS))
    listed = holdout[["image_id", "path", "sha256", "label", "group"]].assign(fold=-1)
    longest = max(style.working_side for style in _styles(formats, parameters, seed))
    photo = PageFormat(longest, straighten=False, letterboxed=False)
    styles = _styles([photo], parameters, seed, damage=parameters.damage)
    kinds: list[Item] = [(DAMAGED, copy) for copy in range(parameters.validation_copies)]
    items = dict.fromkeys(listed["image_id"], kinds)
    manifest = _render_sets("holdout", listed, [items], styles, _mixes(parameters), parameters, store)
    return manifest.assign(condition="test_like")[list(VALIDATION_RENDERS)]


def _copies(count: int, most: int | None) -> list[Item]:
    """The plain page and the others of `count` copies, none above `most`."""
    end = count if most is None else min(count, most + 1)
    return [(PLAIN, 0), *((TRAINING, copy) for copy in range(1, end))]


def _styles(
    formats: Iterable[PageFormat], parameters: AugmentationParameters, seed: int, **made_by: Any
) -> list[Style]:
    """The same renders in every format."""
    return [Style(wanted, parameters.jpeg_quality, seed, **made_by) for wanted in formats]


def _mixes(parameters: AugmentationParameters) -> bool:
    """Whether damage puts another page into a page."""
    return parameters.damage.mix_share > 0 or parameters.damage.paste_share > 0


def _render_sets(
    what: str,
    listed: pd.DataFrame,
    items: Sequence[dict[str, list[Item]]],
    styles: Sequence[Style],
    mixing: bool,
    parameters: AugmentationParameters,
    store: Store,
) -> pd.DataFrame:
    """The manifests of renders in every style, below each other, with absolute paths and a column `kind`.

    items: of each style, by source.
    """
    root = store.root.absolute() / SHARDS
    pools = partner_pools(listed, styles[0].seed) if mixing else {}
    plans = [
        list(_shards(listed, own, style, pools, parameters.shard_size))
        for own, style in zip(items, styles, strict=True)
    ]
    shards = {shard.key: (shard, style) for style, plan in zip(styles, plans, strict=True) for _, shard in plan}
    missing = _missing(what, list(shards.values()), root)
    if missing:
        _render_missing(what, missing, len(shards), root)
    else:
        logger.info("%s renders: unchanged, nothing to do", what)
    manifests = [_saved(what, listed, style, plan, store) for style, plan in zip(styles, plans, strict=True)]
    return pd.concat(manifests, ignore_index=True)


def _saved(
    what: str, listed: pd.DataFrame, style: Style, plan: Sequence[tuple[str, Shard]], store: Store
) -> pd.DataFrame:
    """The manifest of one style, whose renders are there; on disk it has paths relative to the shards."""
    key = fingerprint(what, listed.drop(columns="path"), [shard.key for _, shard in plan])
    saved, wanted = store.folder(key) / MANIFEST, asdict(style.page_format)
    if store.finished(key) is None:
        manifest = _manifest(plan, listed)
        write_atomically(saved, _parquet(manifest))
        store.complete(key, {"set": what, "renders": len(manifest), "shards": len(plan), **wanted})
    return _absolute(read_checked(saved), store.root.absolute() / SHARDS).assign(**wanted)


def _missing(what: str, shards: Sequence[Styled], root: Path) -> list[Styled]:
    """Shards to render. What is damaged is named; what has no sums yet is given them."""
    found = {shard.key: wanting(shard, root) for shard, _ in shards}
    hurt = [path for shard, _ in shards if shard.folder(root).is_dir() for path in found[shard.key]]
    if hurt:
        logger.warning("%s renders: %d are damaged or lost and made again: %s", what, len(hurt), listing(hurt, 3))
    old = [shard for shard, _ in shards if not found[shard.key] and is_unrecorded(shard, root)]
    if old:
        logger.info("%s renders: %d shards of an earlier version are used as they are", what, len(old))
    for shard in old:
        record_sums(shard, root)
    return [(shard, style) for shard, style in shards if found[shard.key]]


def _shards(
    listed: pd.DataFrame,
    items: dict[str, list[Item]],
    style: Style,
    pools: dict[str, tuple[Page, ...]],
    shard_size: int,
) -> Iterator[tuple[str, Shard]]:
    """(source id, shard) in the order of the sources; sources with the same bytes may share a shard."""
    style_key = style.fingerprint()
    for row in listed.itertuples():
        source, wanted = Page(str(row.path), str(row.sha256)), items[str(row.image_id)]
        partners = pools.get(str(row.image_id), ())
        for part in map(tuple, chunks(wanted, shard_size)):
            yield str(row.image_id), Shard(shard_key(style_key, source, part, partners), source, part, partners)


def _alike(shards: Sequence[Styled]) -> list[list[Styled]]:
    """Those that differ in how a finished page is laid out alone, together."""
    groups = defaultdict(list)
    for shard, style in shards:
        groups[style.working_side, shard.source, shard.items, shard.partners].append((shard, style))
    return list(groups.values())


def _render_missing(what: str, missing: Sequence[Styled], of: int, root: Path) -> None:
    remove_partials(root, "*/.*.partial")
    total = sum(len(shard.items) for shard, _ in missing)
    logger.info("%s renders: %d to make, %d of %d shards are there", what, total, of - len(missing), of)
    done, last, began, warm = 0, time.monotonic(), 0.0, 0
    for count in executor().map(render_shards, [(alike, root) for alike in _alike(missing)]):
        done += count
        now = time.monotonic()
        if not began:
            # the workers have loaded their libraries by now: the rate counts from here
            began, warm = now, done
        if now - last >= SECONDS_BETWEEN_LINES or done == total:
            last, rate = now, (done - warm) / max(now - began, 1e-3)
            left = f"{(total - done) / rate:.0f} s left" if rate else "starting"
            logger.info("%s renders: %d of %d, %.0f a second, %s", what, done, total, rate, left)


def _manifest(plan: Sequence[tuple[str, Shard]], listed: pd.DataFrame) -> pd.DataFrame:
    """One row per render, by source id and item."""
    rows = [
        (f"{source_id}~{kind}-{copy}", source_id, kind, copy, str(shard.folder(Path()) / file_name(kind, copy)))
        for source_id, shard in plan
        for kind, copy in shard.items
    ]
    renders = pd.DataFrame(rows, columns=["render_id", "source_id", "kind", "copy", "path"])
    about = listed[["image_id", "group", "label", "fold"]].rename(columns={"image_id": "source_id"})
    return renders.merge(about, on="source_id", how="left", validate="many_to_one")


def _absolute(data: bytes, root: Path) -> pd.DataFrame:
    """Read back also where it was just made, or its types would tell whether it was."""
    manifest = pd.read_parquet(BytesIO(data))
    return manifest.assign(path=f"{root}/" + manifest["path"])


def _parquet(manifest: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    manifest.to_parquet(buffer, index=False)
    return buffer.getvalue()
