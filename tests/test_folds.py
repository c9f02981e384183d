import logging

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.folds import FOLD_COUNT, check_no_leak, make_folds, set_aside
from docsort.tables import FOLD_TABLE


def draw_layout(seed: int) -> pd.DataFrame:
    """Images of 2 to 17 classes in groups of up to 6; a few groups hold two labels."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 18))
    rows = []
    for label in range(classes):
        for group in range(int(rng.integers(FOLD_COUNT, 30))):
            for _ in range(int(rng.choice([1, 1, 1, 1, 2, 3, 6]))):
                wrong = rng.random() < 0.03
                rows.append((f"i{len(rows):05d}", f"g{label}-{group}", int(rng.integers(classes)) if wrong else label))
    return pd.DataFrame(rows, columns=["image_id", "group", "label"])


def render(folds: pd.DataFrame, copies: int = 2) -> pd.DataFrame:
    """A manifest that carries every source's facts faithfully."""
    manifest = pd.concat([folds.assign(copy=copy) for copy in range(copies)], ignore_index=True)
    manifest = manifest.rename(columns={"image_id": "source_id"})
    return manifest.assign(render_id=manifest["source_id"] + "~" + manifest["copy"].astype(str), path="")


@pytest.mark.parametrize("seed", range(25))
def test_any_layout_gives_folds_that_are_whole_stratified_and_free_of_leaks(seed: int) -> None:
    images = draw_layout(seed)
    folds = make_folds(images, seed)
    assert tuple(folds.columns) == FOLD_TABLE
    assert sorted(folds["image_id"]) == sorted(images["image_id"])
    assert len(folds[["group", "fold"]].drop_duplicates()) == images["group"].nunique()
    groups, reached = images.groupby("label")["group"].nunique(), folds.groupby("label")["fold"].nunique()
    assert (reached[groups >= FOLD_COUNT] == FOLD_COUNT).all()
    counts = pd.crosstab(folds["label"], folds["fold"])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 6 + 2  # the largest group, and a few wrong labels
    check_no_leak(folds, render(folds))


def test_without_duplicates_every_class_is_dealt_out_evenly() -> None:
    ids = [f"i{k}" for k in range(470)]
    images = pd.DataFrame({"image_id": ids, "group": ids, "label": [k % 17 for k in range(470)]})
    folds = make_folds(images, 0)
    counts = pd.crosstab(folds["label"], folds["fold"])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_folds_depend_on_the_seed_and_not_on_the_order_of_rows() -> None:
    images = draw_layout(1)
    folds = make_folds(images, 4)
    pd.testing.assert_frame_equal(make_folds(images.sample(frac=1, random_state=0), 4), folds)
    assert not make_folds(images, 5)["fold"].equals(folds["fold"])


@pytest.mark.parametrize("seed", range(5))
def test_a_decision_about_one_image_moves_no_other_to_another_fold(seed: int) -> None:
    rng, given = np.random.default_rng(seed), draw_layout(seed)
    folds = make_folds(given, seed)
    clean = given.sample(frac=0.95, random_state=seed)
    corrected = rng.random(len(clean)) < 0.1
    clean.loc[corrected, "label"] = rng.permutation(clean.loc[corrected, "label"].to_numpy())
    again = make_folds(clean, seed, as_given=given)
    assert sorted(again["image_id"]) == sorted(clean["image_id"])
    assert again.set_index("image_id")["label"].to_dict() == clean.set_index("image_id")["label"].to_dict()
    before = folds.set_index("image_id")["fold"]
    assert (again.set_index("image_id")["fold"] == before[again["image_id"]]).all()


def test_a_class_with_one_group_is_refused_by_name() -> None:
    images = pd.DataFrame(
        {"image_id": ["a", "b", "c", "d"], "group": ["a", "a", "c", "d"], "label": [3, 3, 5, 5]},
    )
    with pytest.raises(InputError, match="at least 2 different images each, but class 3 has only one"):
        make_folds(images, 0)


def test_one_class_alone_is_refused() -> None:
    ids = [f"i{k}" for k in range(10)]
    with pytest.raises(InputError, match="there is only 1 class"):
        make_folds(pd.DataFrame({"image_id": ids, "group": ids, "label": 0}), 0)


@pytest.mark.parametrize("classes", [2, 12])
def test_data_without_an_image_for_every_fold_is_refused(classes: int) -> None:
    ids = [f"i{k}" for k in range(4 * classes)]
    images = pd.DataFrame({"image_id": ids, "group": ids, "label": [k // 4 for k in range(4 * classes)]})
    with pytest.raises(
        InputError, match="one class with 5 different images, one for every fold, but the largest has 4"
    ):
        make_folds(images, 0)


def test_a_class_that_the_data_names_and_no_image_has_is_missed() -> None:
    ids = [f"i{k}" for k in range(10)]
    images = pd.DataFrame({"image_id": ids, "group": ids, "label": [0] * 5 + [2] * 5})
    classes = pd.DataFrame({"target": [0, 1, 2], "class_name": ["a", "b", "c"]})
    assert len(make_folds(images, 0)) == 10
    with pytest.raises(InputError, match="at least 2 different images each, but class 1 has none; add images"):
        make_folds(images, 0, classes=classes)


def test_labels_that_only_the_ledger_makes_many_enough_are_refused_in_words() -> None:
    """Folds are dealt by the labels as they came."""
    ids = [f"i{k}" for k in range(8)]
    given = pd.DataFrame({"image_id": ids, "group": ids, "label": [0] * 4 + [1] * 4})
    lifted = given.assign(label=[0] * 5 + [1] * 3)
    with pytest.raises(InputError, match="5 different images, .*labels that the data came with the largest has 4 "):
        make_folds(lifted, 0, as_given=given)
    assert len(make_folds(lifted, 0)) == 8


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_a_share_to_set_aside_that_is_smaller_than_an_image_of_any_class_is_refused(share: float) -> None:
    ids = [f"i{k}" for k in range(16)]
    given = pd.DataFrame({"image_id": ids, "group": ids, "label": [0] * 8 + [1] * 8})
    with pytest.raises(InputError, match=f"one class with {round(1 / share)} different images, .*or `holdout`"):
        set_aside(given, share, 0)


def test_a_class_with_fewer_groups_than_folds_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    ids = [f"i{k}" for k in range(23)]
    images = pd.DataFrame({"image_id": ids, "group": ids, "label": [0] * 10 + [1] * 10 + [2] * 3})
    with caplog.at_level(logging.WARNING):
        folds = make_folds(images, 0)
    assert "Class 2 has fewer than 5 different images" in caplog.text
    assert folds.loc[folds["label"] == 2, "fold"].nunique() == 3


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("fold", 9, "renders whose fold is not their source's: i00003~0"),
        ("group", "elsewhere", "renders whose group is not their source's: i00003~0"),
        ("label", 99, "renders whose label is not their source's: i00003~0"),
        ("source_id", "stranger", "renders of unknown sources: i00003~0"),
    ],
)
def test_a_render_that_does_not_carry_its_sources_facts_is_a_leak(column: str, value: object, message: str) -> None:
    folds = make_folds(draw_layout(2), 0)
    manifest = render(folds).sort_values("render_id", ignore_index=True)
    row = int(manifest.index[manifest["render_id"] == "i00003~0"][0])
    manifest[column] = manifest[column].astype(object)
    manifest.loc[row, column] = value
    with pytest.raises(LeakError, match=message):
        check_no_leak(folds, render(folds), manifest)


def test_a_render_of_a_near_duplicate_is_not_its_own() -> None:
    """Of the same group, label and fold: only the id tells that the picture is of another page."""
    folds = make_folds(draw_layout(2), 0)
    twins = folds[folds.duplicated(["group", "label", "fold"], keep=False)].groupby(["group", "label"])["image_id"]
    one, other = next(ids.tolist()[:2] for _, ids in twins)
    manifest = render(folds)
    check_no_leak(folds, manifest)
    swapped = manifest["source_id"].replace({one: other, other: one})
    with pytest.raises(
        LeakError, match=f"renders whose id is not their source's: {one}~0, {other}~0, {one}~1, {other}~1;"
    ):
        check_no_leak(folds, manifest.assign(source_id=swapped))


def test_a_source_whose_id_begins_with_anothers_is_another() -> None:
    images = pd.DataFrame(
        {"image_id": ["a", "a1", "b", "c", "d", "e"], "group": list("uuvwxy"), "label": [0] * 4 + [1] * 2}
    )
    folds = make_folds(images, 0, folds=2)
    manifest = render(folds)
    check_no_leak(folds, manifest)
    with pytest.raises(LeakError, match="renders whose id is not their source's: a1~0, a1~1;"):
        check_no_leak(folds, manifest.assign(source_id=manifest["source_id"].replace("a1", "a")))


def test_a_group_in_two_folds_is_a_leak() -> None:
    folds = make_folds(draw_layout(3), 0)
    pair = folds[folds["group"].duplicated(keep=False)].iloc[0]
    folds.loc[folds["image_id"] == pair["image_id"], "fold"] = (pair["fold"] + 1) % FOLD_COUNT
    with pytest.raises(LeakError, match=f"groups in several folds: {pair['group']}"):
        check_no_leak(folds)


def test_a_source_listed_twice_is_a_leak() -> None:
    folds = make_folds(draw_layout(3), 0)
    twice = pd.concat([folds, folds.head(1)], ignore_index=True)
    with pytest.raises(LeakError, match="sources listed twice: i00000"):
        check_no_leak(twice, render(folds))


def test_all_leaks_are_named_in_one_error() -> None:
    folds = make_folds(draw_layout(2), 0)
    manifest = render(folds)
    manifest.loc[0, "fold"] = 8
    manifest.loc[1, "source_id"] = "stranger"
    with pytest.raises(LeakError, match=r"unknown sources.*whose fold is not"):
        check_no_leak(folds, manifest)
