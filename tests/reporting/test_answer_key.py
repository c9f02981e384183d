"""The answer key is read where one is named, and a wrong one is refused."""

from pathlib import Path

import pytest

from docsort.errors import InputError
from docsort.reporting.answer_key import ANSWER_KEY, read_answer_key


def test_a_run_without_a_key_has_none() -> None:
    assert read_answer_key({"layout": "competition"}) is None
    assert read_answer_key({"answer_key": None}) is None


def test_ids_stay_text_and_other_columns_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    path.write_text("ID,target,note\n0012e5,3,x\n007,1,y\n")
    table = read_answer_key({"answer_key": str(path)})
    assert table is not None
    assert tuple(table.columns) == ANSWER_KEY
    assert table["ID"].tolist() == ["0012e5", "007"]
    assert table["target"].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [("ID\na\n", "target is missing"), ("ID,target\na,1.5\n", "whole class numbers"), (None, "is not there")],
)
def test_what_is_no_key_is_refused(text: str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_answer_key({"answer_key": str(path)})
