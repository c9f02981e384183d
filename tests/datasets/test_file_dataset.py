"""What stands beside a file: its sum, and what a killed write left."""

from pathlib import Path

import pytest
from kedro.io import DatasetError
from kedro.io.core import Version

from docsort import files
from docsort.datasets.document_datasets import RecordDataset
from docsort.datasets.table_dataset import TableDataset


def dataset(folder: Path, version: Version | None = None) -> RecordDataset:
    return RecordDataset(filepath=str(folder / "scores.json"), version=version)


def flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content.replace(b"0.75", b"0.95"))
    assert path.read_bytes() != content


def test_another_number_is_noticed_and_counts_as_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dataset(tmp_path).save({"macro_f1": 0.75})
    assert dataset(tmp_path).exists()
    flip(tmp_path / "scores.json")
    message = (
        r"Expected .*/scores\.json to be as it was written, but its bytes have changed since; run the pipeline that"
    )
    with pytest.raises(DatasetError, match=message):
        dataset(tmp_path).load()
    assert not dataset(tmp_path).exists()
    assert "its bytes have changed since" in caplog.text


def test_who_wants_it_as_it_is_removes_the_sum(tmp_path: Path) -> None:
    dataset(tmp_path).save({"macro_f1": 0.75})
    flip(tmp_path / "scores.json")
    with pytest.raises(DatasetError, match=r"or remove \.scores\.json\.sha256 beside it to have it read as it is"):
        dataset(tmp_path).load()
    (tmp_path / ".scores.json.sha256").unlink()
    assert dataset(tmp_path).load() == {"macro_f1": 0.95}


@pytest.mark.parametrize("writes", [1, 2])
def test_a_save_killed_between_the_sum_and_the_file_leaves_one_that_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    dataset(tmp_path).save({"run": 1})
    done: list[Path] = []

    def killed(path: Path, data: bytes) -> None:
        files.write_atomically(path, data)
        done.append(path)
        if len(done) == writes:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("docsort.datasets.file_dataset.write_atomically", killed)
        with pytest.raises(KeyboardInterrupt):
            dataset(tmp_path).save({"run": 2})
    assert len(done) == writes
    assert dataset(tmp_path).load() == {"run": writes}


def test_what_a_killed_write_of_another_version_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "scores.json" / "v1" / f".scores.json.{files._machine()}.4194305-0.partial"
    left.parent.mkdir(parents=True)
    left.touch()
    dataset(tmp_path, Version(None, "v2")).save({"run": 2})
    assert not left.exists()
    assert dataset(tmp_path, Version(None, None)).load() == {"run": 2}


def test_an_optional_table_that_is_damaged_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    table = TableDataset(filepath=str(tmp_path / "last.csv"), optional=True, columns=["a"])
    assert table.load().empty
    (tmp_path / "last.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match=r"last\.csv to be what Docsort writes there, but it cannot be read \(U"):
        table.load()


def test_a_record_that_is_no_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text("[1]")
    with pytest.raises(DatasetError, match=r"scores\.json to be what Docsort writes there, but it cannot be read"):
        dataset(tmp_path).load()
