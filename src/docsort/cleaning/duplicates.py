"""Exact and near-duplicates: which images are one photo, inside train, inside test and across.

Exact is by SHA-256. Near is by perceptual hash in any of the eight turns, then by aligned pixels
(`docsort.cleaning.alignment`): images are decoded again, but only those that hash like another one.
"""

import logging
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.parameters import DuplicateParameters
from docsort.cleaning.pixel_comparison import measure_agreement
from docsort.errors import listing
from docsort.images.hashes import hashes_from_text, near_pairs
from docsort.images.measures import LIBRARIES
from docsort.stores import Store, fingerprint
from docsort.tables import CLEAN_IMAGES, DUPLICATES, IMAGES, check_columns, is_reviewed, with_origin
from docsort.versions import versions_of

ASPECT_TOLERANCE = 0.12
"""Largest difference of the logarithms of width over height: a crop by 5 % at both ends of one side gives 0.105."""

NEIGHBOURS = 40
"""An image is compared with at most this many of its nearest by hash: thousands of pages of one form stay affordable,
and a large group of copies still hangs together."""

LARGEST_GROUP = 0.05
"""Share of the images; a group above it is warned about."""

DUPLICATES_VERSION = 1
"""Raise it whenever other pairs would be found among the same images."""

_log = logging.getLogger(__name__)

Pair = tuple[int, int, int, int]
"""(row, other row, distance, turn), row < other row by image id."""


def find_duplicates(
    labelled: pd.DataFrame, parameters: DuplicateParameters, store: Store | None = None
) -> pd.DataFrame:
    """The table `duplicates` of images with the column `label` (missing for test), sorted by image_id, other_id.

    store: keeps what was found among just these images.
    """
    check_columns(labelled, (*IMAGES, "label"), "labelled_images")
    images = labelled.sort_values("image_id", ignore_index=True)
    if store is None:
        return _find(images, parameters)
    seen = images[["image_id", "split", "label", "sha256"]]
    key = fingerprint("duplicates", DUPLICATES_VERSION, seen, parameters, versions_of(LIBRARIES))
    return store.kept_table(key, lambda: _find(images, parameters))


def _find(images: pd.DataFrame, parameters: DuplicateParameters) -> pd.DataFrame:
    exact = _exact_pairs(images)
    near = _near_pairs(images, parameters, {pair[:2] for pair in exact})
    duplicates = _table(images, exact + near, ["exact"] * len(exact) + ["near"] * len(near))
    _log.info(
        "Found %d exact and %d near duplicate pairs, %d with conflicting labels",
        len(exact),
        len(near),
        duplicates["conflict"].sum(),
    )
    return duplicates


def group_sources(clean: pd.DataFrame, duplicates: pd.DataFrame) -> pd.Series:
    """Which near-duplicates stand together: for each row of clean the smallest image_id of its group.

    Groups are the connected components of the pairs whose images are both in `clean`. A group above
    LARGEST_GROUP is warned about: it may be a whole class chained together.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids = sorted(clean["image_id"])
    place = {image_id: row for row, image_id in enumerate(ids)}
    inside = duplicates["image_id"].isin(place) & duplicates["other_id"].isin(place)
    left = duplicates.loc[inside, "image_id"].map(place).to_numpy(dtype=np.int64)
    right = duplicates.loc[inside, "other_id"].map(place).to_numpy(dtype=np.int64)
    links = coo_array((np.ones(len(left)), (left, right)), shape=(len(ids), len(ids)))
    _, component = connected_components(links, directed=False)
    members = pd.Series(ids).groupby(component)
    first = dict(zip(ids, members.transform("min"), strict=True))
    _report_largest(members.size(), members.min(), len(ids))
    return clean["image_id"].map(first).rename("group")


def group_training_images(images: pd.DataFrame, duplicates: pd.DataFrame) -> pd.DataFrame:
    """All training images, with `group` and, as `label`, the label they came with; columns image_id, group, label.

    Those that the ledger drops too: whether an image is dropped changes no other one's group. Not a page that a person
    judged and that is a test image, or its near-duplicate: to learn it would make the test no test.
    """
    train = images[(images["split"] == "train") & ~_shows_test_page(images, duplicates)]
    train = train.sort_values("image_id", ignore_index=True)
    train["group"] = group_sources(train, duplicates)
    return train.assign(label=train["target"].astype("int64"))[with_origin(train, ("image_id", "group", "label"))]


def assemble_clean_images(labelled: pd.DataFrame, grouped: pd.DataFrame) -> pd.DataFrame:
    """The table `clean_images`: the labelled training images with their group, sorted by image_id.

    labelled: what the ledger leaves; grouped: from `group_training_images`.
    """
    train = labelled[(labelled["split"] == "train") & labelled["image_id"].isin(grouped["image_id"])]
    train = train.sort_values("image_id", ignore_index=True)
    train["group"] = train["image_id"].map(dict(zip(grouped["image_id"], grouped["group"], strict=True)))
    return train[with_origin(train, CLEAN_IMAGES)].astype({"label": "int64", "given_label": "int64"})


def _shows_test_page(images: pd.DataFrame, duplicates: pd.DataFrame) -> pd.Series:
    """Which images joined by a person's judgement and show what a test image shows; that is told in a warning."""
    across = duplicates[duplicates["split"] != duplicates["other_split"]]
    both = images["image_id"].isin([*across["image_id"], *across["other_id"]])
    found = both & is_reviewed(images) & (images["split"] == "train")
    if found.any():
        _log.warning(
            "%d judged pages are test images of this data, or near-duplicates of one, and are not learnt from, for the "
            "test would be no test any more: %s; their answers belong to `answer_fixes`.",
            found.sum(),
            listing(images.loc[found, "image_id"]),
        )
    return found


def _report_largest(sizes: pd.Series, names: pd.Series, total: int) -> None:
    if total == 0 or sizes.max() == 1:
        return
    place = int(sizes.to_numpy().argmax())
    largest, name = int(sizes.iloc[place]), names.iloc[place]
    _log.info("%d groups of near-duplicates; the largest, %s, has %d images", (sizes > 1).sum(), name, largest)
    # Two or three copies are no chain, however small the data.
    if largest > max(3, LARGEST_GROUP * total):
        _log.warning(
            "The group of near-duplicates %s holds %d of %d images; look at them in `duplicates`, and raise "
            "duplicates.agreement if they are different photos",
            name,
            largest,
            total,
        )


def _table(images: pd.DataFrame, pairs: list[Pair], kinds: list[str]) -> pd.DataFrame:
    """The pairs with what is known of their images: table DUPLICATES."""
    i, j, distance, turn = np.array(pairs, dtype=np.int64).reshape(-1, 4).T
    facts = images[["image_id", "split", "label"]].astype({"label": "Int64"})
    own, other = (facts.iloc[rows].reset_index(drop=True) for rows in (i, j))
    table = own.assign(kind=kinds, distance=distance, turn=turn)
    table = table.assign(other_id=other["image_id"], other_split=other["split"], other_label=other["label"])
    table["conflict"] = (table["label"] != table["other_label"]).fillna(False).astype(bool)
    return table[list(DUPLICATES)].sort_values(["image_id", "other_id"], ignore_index=True)


def _exact_pairs(images: pd.DataFrame) -> list[Pair]:
    rows = images.groupby("sha256").indices.values()
    return sorted((int(i), int(j), 0, 0) for same in rows for i, j in combinations(sorted(same), 2))


def _near_pairs(images: pd.DataFrame, parameters: DuplicateParameters, known: set[tuple[int, int]]) -> list[Pair]:
    candidates = [pair for pair in _candidates(images, parameters.hash_distance) if pair[:2] not in known]
    agreements = measure_agreement(images["path"].tolist(), [(i, j, turn) for i, j, _, turn in candidates])
    return sorted(candidates[place] for place in np.flatnonzero(agreements >= parameters.agreement))


def _candidates(images: pd.DataFrame, limit: int) -> list[Pair]:
    """Pairs near by hash whose shapes agree once the other is turned; of each image the nearest ones only."""
    i, j, distance, turn = near_pairs(hashes_from_text(images["dihedral_hashes"].tolist()), limit)
    aspect = np.log(images["width"].to_numpy() / images["height"].to_numpy())
    turned = np.where(turn % 2 == 1, -aspect[j], aspect[j])
    alike = np.abs(aspect[i] - turned) <= ASPECT_TOLERANCE
    i, j, distance, turn = i[alike], j[alike], distance[alike], turn[alike]
    near = _rank_among(i, distance) < NEIGHBOURS
    near |= _rank_among(j, distance) < NEIGHBOURS
    columns = (column[near].tolist() for column in (i, j, distance, turn))
    return list(zip(*columns, strict=True))


def _rank_among(row: NDArray[np.int64], distance: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each pair how many pairs of the same row are nearer; ties in the order given."""
    ranked = pd.Series(distance).groupby(row).rank(method="first")
    return ranked.to_numpy(dtype=np.int64) - 1
