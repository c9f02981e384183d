"""The ledger on disk: as a person, a spreadsheet or the page for judging left it."""

from pathlib import Path

import pytest
from kedro.io import DatasetError

from docsort.datasets.ledger_dataset import LedgerDataset
from docsort.tables import LEDGER

CELLS = ["0012e5", "keep", "07", "", "NA", "None", "null", "2026-11-02"]


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_ledger_comes_as_text_without_missing_cells(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = [[*LEDGER, "note"], [*CELLS, "x"], [""] * 9]
    path = tmp_path / "label_fixes.csv"
    path.write_text("\n".join(separator.join(row) for row in rows), encoding=encoding)
    table = LedgerDataset(filepath=str(path)).load()
    assert tuple(table.columns) == LEDGER
    assert table.to_numpy().tolist() == [CELLS]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "label_fixes.csv to be a table with the columns image_id, .*, but it is empty"),
        (b"image_id,label\n", "label_fixes.csv to name the columns image_id, .* it is 'image_id,label'"),
        (",".join(LEDGER).encode() + b'\na,"keep,,,,,,\n', "a quotation mark is open .* begins in line 2"),
        (b"\x80\x81", "to be text in UTF-8"),
        (None, "a CSV file at .*label_fixes.csv, but there is none"),
    ],
)
def test_what_is_no_ledger_is_one_sentence(tmp_path: Path, data: bytes | None, message: str) -> None:
    path = tmp_path / "label_fixes.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DatasetError, match=message):
        LedgerDataset(filepath=str(path)).load()
    with pytest.raises(DatasetError, match="it is a folder"):
        LedgerDataset(filepath=str(tmp_path)).load()


def test_a_ledger_is_there_where_its_file_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a word: what is wrong with it is said where it is read."""
    path = tmp_path / "label_fixes.csv"
    assert not LedgerDataset(filepath=str(path)).exists()
    path.write_text(",".join(LEDGER) + "\n")
    assert LedgerDataset(filepath=str(path)).exists()
    assert caplog.text == ""
