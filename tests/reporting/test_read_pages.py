"""Pages with what was read of them: the table of lines, the boxes, and which pages are shown first."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from docsort.datasets.table_dataset import TableDataset
from docsort.errors import InputError
from docsort.images.page_format import encode_jpeg
from docsort.reading.text import Box, PageText, TextLine
from docsort.reporting.read_pages import (
    draw_boxes,
    find_readers,
    keeps_text,
    list_lines,
    open_pages,
    tabulate_lines,
)
from docsort.stores import Store
from docsort.tables import READING_LINES

FACTS = {"engine": "rapidocr", "versions": {"rapidocr": "3.10.0", "onnxruntime": "1.32.0"}}
UPRIGHT: Box = ((0.1, 0.2), (0.6, 0.2), (0.6, 0.3), (0.1, 0.3))
TITLE = TextLine("=진단서 DIAGNOSIS", 0.9876543, UPRIGHT, 0.1)
SMALL = TextLine("0012e5", 0.5, ((0.1, 0.5), (0.3, 0.5), (0.3, 0.52), (0.1, 0.52)), 0.02)
CLASSES = pd.DataFrame({"target": [3, 4], "class_name": ["admission", "diagnosis"]})


def lines_of(*names: str) -> pd.DataFrame:
    return tabulate_lines(names, [PageText((TITLE, SMALL))] * len(names), FACTS)


def renders(folder: Path, *names: str) -> pd.DataFrame:
    """Each page in its own shape, and as a black square, which nobody has read."""
    rows = []
    for name in names:
        for letterboxed, pixels in ((False, np.full((120, 80, 3), 255)), (True, np.zeros((48, 48, 3)))):
            path = folder / f"{name}_{letterboxed}.jpg"
            path.write_bytes(encode_jpeg(pixels.astype(np.uint8), 95))
            rows.append((name, letterboxed, str(path)))
    return pd.DataFrame(rows, columns=["render_id", "letterboxed", "path"])


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures that are no renders of a store have no sums."""
    monkeypatch.setattr("docsort.members.pages.read_checked", lambda path: Path(path).read_bytes())


def test_a_row_is_a_line_with_who_read_it_and_pages_without_text_have_none() -> None:
    table = tabulate_lines(
        ["a~0", "b~0", "c~0", "d~0"], [PageText((TITLE, SMALL)), None, PageText(), PageText((SMALL,))], FACTS
    )
    assert tuple(table.columns) == READING_LINES
    assert list(zip(table["render_id"], table["line"], strict=True)) == [("a~0", 0), ("a~0", 1), ("d~0", 0)]
    first = table.iloc[0]
    assert (first["text"], first["confidence"]) == (TITLE.text, TITLE.confidence)
    assert [float(share) for share in first["box"].split()] == [share for corner in UPRIGHT for share in corner]
    assert (first["engine"], first["version"]) == ("rapidocr", "rapidocr 3.10.0, onnxruntime 1.32.0")
    assert tuple(tabulate_lines([], [], FACTS).columns) == READING_LINES


def test_what_was_read_comes_back_from_disk_as_it_was_read(tmp_path: Path) -> None:
    table = lines_of("a~0", "b~0")
    dataset = TableDataset(filepath=str(tmp_path / "reading_lines.csv"))
    dataset.save(table)
    pd.testing.assert_frame_equal(dataset.load(), table, check_dtype=False)


def test_pages_that_reading_changes_come_first_and_none_is_shown_that_has_no_text(
    tmp_path: Path, unchecked: None
) -> None:
    changed = [
        {"render_id": "d~0", "label": 4, "before": 3, "after": 4},
        {"render_id": "b~0", "label": 3, "before": 3, "after": 4},
        {"render_id": "unread~0", "label": 3, "before": 3, "after": 4},
    ]
    own, pages = (
        lines_of("a~0", "b~0", "c~0", "d~0", "gone~0"),
        renders(tmp_path, "a~0", "b~0", "c~0", "d~0", "unread~0"),
    )
    shown = open_pages({"worth": {"changed": changed}}, own, pages, CLASSES, 10)
    assert [page.title for page in shown] == [
        "mended: 3 admission -> 4 diagnosis (d~0)",
        "broken: 3 admission -> 4 diagnosis (b~0)",
        "a~0",
        "c~0",
    ]
    assert shown[0].lines == [(TITLE.text, TITLE.confidence), (SMALL.text, SMALL.confidence)]
    assert shown[0].picture.size == (80, 120)  # as it was read, not the square
    assert [page.title for page in open_pages({"worth": {"changed": changed}}, own, pages, CLASSES, 3)] == [
        page.title for page in shown[:3]
    ]
    assert open_pages({"worth": {"changed": changed}}, own, pages, CLASSES, 0) == []


def test_a_box_frames_its_line_and_the_rest_of_the_page_stays_as_it_is() -> None:
    page = Image.new("RGB", (200, 100), "white")
    drawn = np.asarray(draw_boxes(page, lines_of("a~0")["box"][:1])).astype(int)
    coloured = (drawn < 250).any(axis=2)
    assert coloured[20, 60]  # on the upper edge
    assert coloured[25, 120]  # on the right edge
    assert not coloured[25, 60]  # within
    assert not coloured[40:].any()
    assert coloured[18:23, 17:24].sum() > coloured[28:33, 117:124].sum()  # the dot where the text begins
    assert np.asarray(page).min() == 255


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reading_lines"):
        open_pages({"worth": {}}, lines_of("a~0").drop(columns="box"), renders(tmp_path), CLASSES, 1)


def checkpoint(kind: str, key: str = "") -> Any:
    facts = SimpleNamespace(reading=SimpleNamespace(wanted=SimpleNamespace(key=key)))
    return SimpleNamespace(kind=kind, folder=facts)


def test_members_that_read_are_found_among_general_and_late_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docsort.reporting.read_pages.read_facts", lambda folder: (folder, ()))
    general = [{"main": checkpoint("network"), "hashed": checkpoint("reading", "1f")}] * 2
    found = find_readers(general, [{"reading": checkpoint("reading"), "pair": checkpoint("network")}], [])
    assert {name: keeps_text(reader) for name, reader in found.items()} == {"hashed": False, "reading": True}


def test_of_a_member_that_keeps_no_text_no_line_is_told(tmp_path: Path) -> None:
    # No attribute of what it reads is even looked at.
    hashed: Any = checkpoint("reading", "1f").folder
    table = list_lines({"hashed": hashed}, pd.DataFrame(), Store(tmp_path))
    assert len(table) == 0
    assert tuple(table.columns) == READING_LINES
