"""What two runs left is equal where only the clock differs, and nowhere else."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from end_state import differences, left_over, read_state

TIME = "2026-11-28T09.59.57.123Z"
FILES = {
    "02_intermediate/images.parquet": b"\0PAR1\0",
    f"03_primary/folds.csv/{TIME}/folds.csv": b"image_id,fold\na,0\nb,1\n",
    "06_models/checkpoints/a/complete.json": b'{"epochs": 6, "seconds": 1.1, "files": {"history.csv": "a", "m": "b"}}',
    "06_models/checkpoints/a/history.csv": b"epoch,train_loss,seconds\n1,2.5,0.7\n",
    "08_reporting/model_card.md": b"# Model card\n\n| fold_0 | 4 | 11.1 |\n\nScores\n",
    "08_reporting/report.html": b'<h1>A</h1><dl class="facts"><dd>11:11</dd></dl><p>.9</p>',
}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, **changed: bytes) -> Path:
        for path, data in {**FILES, **changed}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        return tmp_path / name

    return write


def test_what_the_clock_decides_is_no_difference(write: Write) -> None:
    first, second = write("first"), write("second")
    later = second / f"03_primary/folds.csv/{TIME.replace('09', '10')}"
    (second / f"03_primary/folds.csv/{TIME}").rename(later)
    record = {"epochs": 6, "seconds": 99.9, "files": {"history.csv": "z", "m": "b"}, "digest": "cc"}
    (second / "06_models/checkpoints/a/complete.json").write_text(json.dumps(record))
    (second / "06_models/checkpoints/a/history.csv").write_text("epoch,train_loss,seconds\n1,2.5,9.9\n")
    (second / "08_reporting/model_card.md").write_text("# Model card\n\n| fold_0 | 4 | 99.9 |\n\nScores\n")
    (second / "08_reporting/report.html").write_text('<h1>A</h1><dl class="facts"><dd>12:12</dd></dl><p>.9</p>')
    assert differences(read_state(first), read_state(second)) == []


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_differs_is_missing_or_is_too_many_is_named(write: Write, path: str) -> None:
    whole, other = read_state(write("whole")), write("other")
    shown = path.replace(TIME, "<version>")
    data = FILES[path]
    (other / path).write_bytes(data[:3] + b"!" + data[4:])
    assert differences(whole, read_state(other)) == [f"different: {shown}"]
    (other / path).unlink()
    assert differences(whole, read_state(other)) == [f"missing: {shown}"]
    assert differences(read_state(other), whole) == [f"too many: {shown}"]


def test_of_several_versions_the_latest_counts(write: Write) -> None:
    whole, other = read_state(write("whole")), write("other")
    for time, same in ((TIME.replace("2026", "2025"), True), (TIME.replace("2026", "2027"), False)):
        version = other / f"03_primary/folds.csv/{time}/folds.csv"
        version.parent.mkdir()
        version.write_text("image_id,fold\na,1\nb,0\n")
        assert (differences(whole, read_state(other)) == []) is same


def test_what_an_interrupted_write_left_is_told_of_and_is_no_result(write: Write) -> None:
    whole = read_state(write("whole"))
    other = write(
        "other",
        **{
            "07_model_output/.answers.csv.123.partial": b"half",
            ".docsort/made_with.json": b"{}",
            "02_intermediate/.images.parquet.sha256": b"00",
        },
    )
    assert differences(whole, read_state(other)) == []
    assert left_over(other) == ["07_model_output/.answers.csv.123.partial"]
