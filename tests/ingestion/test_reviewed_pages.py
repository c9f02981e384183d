"""Pages that a person has judged join the training photos: found by what they hold, told, and never by accident."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docsort.cleaning.ledger import resolve_answers
from docsort.errors import InputError
from docsort.ingestion.pages import page_digest
from docsort.ingestion.reviewed_pages import add_reviewed_pages, find_pages
from docsort.stores import Store
from docsort.tables import ANSWER_LEDGER, ORIGIN, PHOTOS, is_reviewed

CLASSES = pd.DataFrame({"target": [0, 1], "class_name": ["bill", "memo"]})
PHOTO = pd.DataFrame([("t.jpg", "train", "/t.jpg", 0, 0)], columns=list(PHOTOS)).astype({"target": "Int64"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "pages")


@pytest.fixture
def ledger(tmp_path: Path, store: Store) -> pd.DataFrame:
    """Decisions on two photos and on the second page of a fax; one is of no class, one is open."""
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)) for _ in range(6)]
    for number, picture in enumerate(pictures[:4]):
        picture.save(tmp_path / f"{number}.png")
    pictures[4].save(tmp_path / "fax.tif", save_all=True, append_images=pictures[5:])
    pages = [path for path in find_pages([str(tmp_path / "fax.tif")], store).values() if "pages" in path]
    said = [("0.png", "keep", ""), ("1.png", "relabel", "memo"), ("2.png", "drop", ""), ("3.png", "undecided", "")]
    rows = [(name, tmp_path / name, page_digest(str(tmp_path / name)), action, new) for name, action, new in said]
    rows.append(("fax.tif#2", tmp_path / "fax.tif", page_digest(sorted(pages)[1]), "relabel", "memo"))
    table = pd.DataFrame(rows, columns=["image_id", "file", "sha256", "action", "new_label"]).astype({"file": str})
    return table.assign(old_label="bill").reindex(columns=list(ANSWER_LEDGER), fill_value="")


def add(ledger: pd.DataFrame, store: Store) -> pd.DataFrame:
    return add_reviewed_pages(PHOTO, CLASSES, resolve_answers(ledger, CLASSES), Path("fixes.csv"), store)


def test_judged_pages_join_with_the_class_that_a_person_named_and_are_told_class_by_class(
    ledger: pd.DataFrame, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        listed = add(ledger, store)
    joined = listed[is_reviewed(listed)]
    assert [name.rpartition("/")[2] for name in joined["image_id"]] == ["0.png", "1.png", "fax.tif#2"]
    assert joined["image_id"].str.startswith("reviewed/").all()
    assert (joined["target"].tolist(), set(joined["split"])) == ([0, 1, 1], {"train"})
    assert [page_digest(path) for path in joined["path"]] == ledger["sha256"][[0, 1, 4]].tolist()
    assert listed.iloc[0][[*PHOTOS]].tolist() == PHOTO.iloc[0].tolist()
    assert listed[ORIGIN].tolist() == ["raw", *["reviewed"] * 3]
    told = "3 pages that were judged in fixes.csv join the training photos: 1 bill, 2 memo; 2 of no class or undecided"
    assert told in caplog.text


def test_without_decisions_nothing_joins(ledger: pd.DataFrame, store: Store) -> None:
    listed = add(ledger.head(0), store)
    pd.testing.assert_frame_equal(listed[list(PHOTOS)], PHOTO)
    assert not is_reviewed(listed).any()


def test_a_page_that_is_gone_or_has_changed_is_named_and_nothing_joins(
    ledger: pd.DataFrame, store: Store, tmp_path: Path
) -> None:
    (tmp_path / "0.png").rename(tmp_path / "renamed.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "2.png").read_bytes())
    with pytest.raises(InputError, match=r"but 2 are not: .*0\.png, .*1\.png; put them back"):
        add(ledger, store)
