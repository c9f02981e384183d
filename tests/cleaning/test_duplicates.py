import logging
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from docsort.cleaning.duplicates import assemble_clean_images, find_duplicates, group_sources, group_training_images
from docsort.cleaning.parameters import DuplicateParameters
from docsort.images.dihedral import apply_turn
from docsort.images.reading import UnreadableImageError
from docsort.stores import Store
from docsort.tables import CLEAN_IMAGES, DUPLICATES

Pixels = NDArray[np.uint8]
Draw = Callable[[int], Pixels]
Write = Callable[[Mapping[str, Pixels]], pd.DataFrame]

PARAMETERS = DuplicateParameters()


def label(images: pd.DataFrame, **labels: int) -> pd.DataFrame:
    """Label 3 for all training images but those named; none for test images."""
    given = [labels.get(name.removesuffix(".jpg"), 3) for name in images["image_id"]]
    table = images.assign(given_label=pd.array(given, dtype="Int64"), label=pd.array(given, dtype="Int64"))
    table.loc[table["split"] == "test", ["given_label", "label"]] = pd.NA
    return table


def pairs_of(duplicates: pd.DataFrame) -> set[tuple[str, str]]:
    ids = (duplicates[column].str.removesuffix(".jpg") for column in ("image_id", "other_id"))
    return set(zip(*ids, strict=True))


def recompress(page: Pixels, quality: int) -> Pixels:
    buffer = BytesIO()
    Image.fromarray(page).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def make_pairs(*links: tuple[str, str]) -> pd.DataFrame:
    rows = [(a, b, "train", "train", "near", 4, 0, 3, 3, False) for a, b in links]
    return pd.DataFrame(rows, columns=list(DUPLICATES))


def make_clean(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": list(ids)})


def test_what_was_found_among_the_same_images_is_kept_until_one_or_its_label_changes(
    page: Draw, write: Write, tmp_path: Path
) -> None:
    images = label(write({"a": page(0), "b": page(1), "turned": apply_turn(page(0), 1)}))
    store, expected = Store(tmp_path / "kept"), find_duplicates(images, PARAMETERS)
    assert pairs_of(expected) == {("a", "turned")}
    gone = images.assign(path="gone.jpg")
    for each in (images, gone):
        pd.testing.assert_frame_equal(find_duplicates(each, PARAMETERS, store), expected)
    assert find_duplicates(images.assign(label=pd.array([3, 3, 4], dtype="Int64")), PARAMETERS, store)["conflict"].all()
    for changed in (gone.assign(sha256=["x", "y", "z"]), gone.assign(image_id=["b", "c", "d"])):
        with pytest.raises(UnreadableImageError):
            find_duplicates(changed, PARAMETERS, store)
    with pytest.raises(UnreadableImageError):
        find_duplicates(gone, DuplicateParameters(agreement=0.5), store)


def test_every_planted_copy_is_found_and_no_other_page(page: Draw, write: Write) -> None:
    pages = {f"own{seed:02d}": page(seed) for seed in range(24)}
    copies = {
        "turned": apply_turn(pages["own00"], 1),
        "upside_down": apply_turn(pages["own01"], 2),
        "mirrored": apply_turn(pages["own02"], 4),
        "mirrored_turned": apply_turn(pages["own03"], 7),
        "recompressed": recompress(pages["own04"], 25),
        "cropped": pages["own05"][10:410, 7:302],
        "cropped_corner": pages["own06"][20:, 15:],
        "cropped_turned": recompress(np.ascontiguousarray(apply_turn(pages["own07"][10:410, 7:302], 3)), 60),
        "brighter": np.clip(pages["own08"].astype(float) * 0.9 + 20, 0, 255).astype(np.uint8),
    }
    duplicates = find_duplicates(label(write({**pages, **copies})), PARAMETERS)
    expected = {tuple(sorted((f"own{number:02d}", name))) for number, name in enumerate(copies)}
    assert pairs_of(duplicates) == expected
    assert set(duplicates["kind"]) == {"near"}
    assert (duplicates["image_id"] < duplicates["other_id"]).all()


def test_pages_of_one_form_with_other_entries_are_no_duplicates(form: Draw, write: Write) -> None:
    forms = {f"form{seed}": form(seed) for seed in range(1, 9)}
    images = write({**forms, "second_scan": recompress(form(3)[4:, 3:], 50)})
    assert pairs_of(find_duplicates(label(images), PARAMETERS)) == {("form3", "second_scan")}


def test_the_same_bytes_are_exact_duplicates_within_and_across_splits(page: Draw, write: Write) -> None:
    images = write({"a": page(1), "b": page(1), "c": page(2), "test_x": page(1), "test_y": page(2)})
    duplicates = find_duplicates(label(images), PARAMETERS)
    assert tuple(duplicates.columns) == DUPLICATES
    expected = {("a", "b"), ("a", "test_x"), ("b", "test_x"), ("c", "test_y")}
    assert pairs_of(duplicates) == expected
    assert set(duplicates["kind"]) == {"exact"}
    assert (duplicates[["distance", "turn"]] == 0).all(axis=None)
    across = duplicates[duplicates["other_split"] == "test"]
    assert across["other_label"].isna().all()
    assert not across["conflict"].any()


def test_copies_with_different_labels_are_conflicts(page: Draw, write: Write) -> None:
    images = write({"a": page(1), "b": recompress(page(1), 30), "c": page(2), "d": page(2)})
    duplicates = find_duplicates(label(images, b=7), PARAMETERS)
    assert dict(zip(duplicates["image_id"], duplicates["conflict"], strict=True)) == {"a.jpg": True, "c.jpg": False}
    assert duplicates["other_label"].tolist() == [7, 3]


def test_the_turn_named_lays_the_other_page_as_the_first(page: Draw, write: Write) -> None:
    for turn in range(1, 8):
        images = write({"a": page(5), "b": apply_turn(page(5), turn)})
        found = find_duplicates(label(images), PARAMETERS)["turn"].tolist()
        assert np.array_equal(apply_turn(apply_turn(page(5), turn), found[0]), page(5))


def test_the_order_of_rows_does_not_matter(page: Draw, write: Write) -> None:
    images = label(write({name: page(seed) for seed, name in enumerate("abcd")} | {"e": page(2), "f": page(3)}))
    expected = find_duplicates(images, PARAMETERS)
    shuffled = find_duplicates(images.sample(frac=1, random_state=1), PARAMETERS)
    pd.testing.assert_frame_equal(shuffled, expected)


def test_without_duplicates_the_table_is_empty_with_its_columns(page: Draw, write: Write) -> None:
    duplicates = find_duplicates(label(write({"a": page(0), "b": page(1)})), PARAMETERS)
    assert (len(duplicates), tuple(duplicates.columns)) == (0, DUPLICATES)
    assert group_sources(make_clean("a.jpg", "b.jpg"), duplicates).tolist() == ["a.jpg", "b.jpg"]


def test_groups_are_what_pairs_connect_named_by_their_first_image() -> None:
    links = make_pairs(("b", "d"), ("a", "d"), ("e", "f"))
    groups = group_sources(make_clean("f", "e", "d", "c", "b", "a"), links)
    assert groups.tolist() == ["e", "e", "a", "c", "a", "a"]


def test_pairs_with_test_images_or_dropped_ones_group_nothing() -> None:
    links = make_pairs(("a", "test_x"), ("b", "test_x"), ("a", "dropped"), ("b", "dropped"))
    assert group_sources(make_clean("a", "b"), links).tolist() == ["a", "b"]


@pytest.mark.parametrize("seed", range(20))
def test_grouping_agrees_with_joining_sets_one_pair_at_a_time(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = [f"i{k:02d}" for k in range(40)]
    links = [tuple(sorted(rng.choice(ids, 2, replace=False).tolist())) for _ in range(int(rng.integers(0, 40)))]
    sets = [{image_id} for image_id in ids]
    for a, b in links:
        joined = set().union(*(s for s in sets if a in s or b in s))
        sets = [s for s in sets if not s & joined] + [joined]
    expected = {image_id: min(s) for s in sets for image_id in s}
    groups = group_sources(make_clean(*ids), make_pairs(*links))  # type: ignore[arg-type]
    assert dict(zip(ids, groups, strict=True)) == expected


def test_a_class_chained_into_one_group_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    ids = [f"i{k:02d}" for k in range(60)]
    with caplog.at_level(logging.WARNING):
        group_sources(make_clean(*ids), make_pairs(("i00", "i01"), ("i01", "i02")))
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        group_sources(make_clean(*ids), make_pairs(*((f"i{k:02d}", f"i{k + 1:02d}") for k in range(5))))
    assert "i00 holds 6 of 60 images" in caplog.text


def test_clean_images_are_the_training_images_with_their_group(page: Draw, write: Write) -> None:
    images = label(write({"b": page(1), "a": page(1), "c": page(2), "test_x": page(1)}))
    duplicates = find_duplicates(images, PARAMETERS)
    grouped = group_training_images(images.assign(target=images["label"]), duplicates)
    clean = assemble_clean_images(images, grouped)
    assert tuple(clean.columns) == CLEAN_IMAGES
    assert clean["image_id"].tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert clean["group"].tolist() == ["a.jpg", "a.jpg", "c.jpg"]
    assert clean["label"].dtype == "int64"


def test_what_is_dropped_changes_no_group(page: Draw, write: Write) -> None:
    images = label(write({"b": page(1), "a": page(1), "c": page(2)}))
    duplicates = find_duplicates(images, PARAMETERS)
    grouped = group_training_images(images.assign(target=images["label"]), duplicates)
    left = assemble_clean_images(images[images["image_id"] != "a.jpg"], grouped)
    assert left[["image_id", "group"]].to_numpy().tolist() == [["b.jpg", "a.jpg"], ["c.jpg", "c.jpg"]]


def test_a_looser_agreement_never_finds_fewer_pairs(form: Draw, write: Write, tmp_path: Path) -> None:
    images = label(write({f"form{seed}": form(seed) for seed in range(6)}))
    found = [pairs_of(find_duplicates(images, DuplicateParameters(agreement=a))) for a in (0.3, 0.6, 0.99)]
    assert found[0] >= found[1] >= found[2]
