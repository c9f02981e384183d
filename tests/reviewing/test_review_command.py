"""`docsort review`: the final answers, other tools, and mistakes told in a sentence."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from reviewed_answers import UNSURE
from reviewed_job import CLASSES, page_id

from docsort.commands.main import docsort
from docsort.reviewing.answer_cards import (
    AnswerReview,
)
from docsort.reviewing.decisions import NO_ROW
from docsort.serving.results import read_result, write_result
from docsort.tables import ANSWER_LEDGER


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> object:
    classes = dict(zip(CLASSES["target"], CLASSES["class_name"], strict=True))
    monkeypatch.setattr("docsort.commands.review.load_classifier", lambda folder: SimpleNamespace(classes=classes))

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(docsort, ["review", *map(str, arguments), "--name", "Ann"])

    return invoke


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_final_answers_are_written_as_the_answers_were(
    call,
    answers: pd.DataFrame,
    review: AnswerReview,
    ledger: Path,
    digests: dict[str, str],
    tmp_path: Path,
    suffix: str,
) -> None:  # type: ignore[no-untyped-def]
    review.decide(digests[page_id(1)], "relabel", "7", "", NO_ROW)
    review.decide(digests[page_id(2)], "drop", "", "", NO_ROW)
    write_result([answers], tmp_path / f"answers{suffix}")
    result = call(tmp_path / f"answers{suffix}", "--ledger", ledger, "--to", tmp_path / f"final{suffix}")
    assert result.exit_code == 0, result.output
    assert "a person changed 1, 1 of no class" in result.stderr
    final = read_result(tmp_path / f"final{suffix}").set_index("page")
    assert final.loc[page_id(1), ["target", "class_name", "needs_review"]].tolist() == [
        7,
        CLASSES["class_name"][1],
        False,
    ]
    assert pd.isna(final.loc[page_id(2), "target"])
    assert (final.loc[page_id(2), "class_name"] or "") == ""
    assert bool(final.loc[page_id(3), "needs_review"])
    before = read_result(tmp_path / f"answers{suffix}").set_index("page")
    pd.testing.assert_series_equal(final.loc[page_id(3), before.columns], before.loc[page_id(3)])


def test_nothing_is_written_over_what_is_read_and_final_answers_are_not_judged_again(  # type: ignore[no-untyped-def]
    call, answers: pd.DataFrame, review: AnswerReview, ledger: Path
) -> None:
    path, final = ledger.with_name("answers.csv"), ledger.with_name("final.csv")
    write_result([answers], path)
    for target in (path, ledger):
        assert "Expected to write to another file" in call(path, "--ledger", ledger, "--to", target).output
    assert "give one at a time" in call(path, "--to", final, "--export", "fiftyone", final).output
    assert call(path, "--ledger", ledger, "--to", final).exit_code == 0
    assert f"but {final} has final ones" in call(final).output


def test_the_command_writes_pages_for_another_tool_and_takes_its_decisions(  # type: ignore[no-untyped-def]
    call, answers: pd.DataFrame, tmp_path: Path
) -> None:
    write_result([answers], tmp_path / "answers.csv")
    result = call(tmp_path / "answers.csv", "--export", "label-studio", tmp_path / "tasks.json")
    assert result.exit_code == 0, result.output
    assert len(json.loads((tmp_path / "tasks.json").read_text())) == UNSURE + 3
    assert list((tmp_path / "tasks.json.pages").rglob("*.png"))
    result = call(tmp_path / "answers.csv", "--import", "label-studio", tmp_path / "tasks.json")
    assert result.output.startswith("0 decisions"), result.output
    assert (tmp_path / "answers_fixes.csv").read_text().startswith(",".join(ANSWER_LEDGER))


def test_what_is_no_file_of_answers_is_one_sentence(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.csv").write_text("page,file\n1,2\n")
    (tmp_path / "a.jsonl").write_text("no json")
    (tmp_path / "a.parquet").write_bytes(b"none")
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        result = call(tmp_path / name)
        assert result.exit_code == 1
        assert f"Expected {tmp_path / name} to be answers that `docsort predict --to` wrote" in result.output
    assert "Expected the answers to be a file that ends in" in call(tmp_path / "a.xlsx").output
