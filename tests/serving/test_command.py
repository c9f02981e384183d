"""`docsort`: what was trained, used from a shell, outside of any project."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from docsort_command import Invoke, command_for

import docsort as package
from docsort.serving.classifier import Classifier, load


@pytest.fixture
def call(classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    return command_for(classifier, tmp_path, monkeypatch)


def test_pages_are_answered_into_a_file_and_sorted_into_folders(call, pages: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = call("predict", pages, "--to", "answers.csv", "--sort-into", "sorted")
    assert result.exit_code == 0, result.output
    assert "12 pages answered" in result.stderr
    table = pd.read_csv(tmp_path / "answers.csv")
    assert len(table) == 12
    sorted_pages = sum(1 for path in (tmp_path / "sorted").rglob("*") if path.is_file())
    assert sorted_pages == 12
    assert len(list((tmp_path / "sorted/needs_review").iterdir())) == table["needs_review"].sum()


def test_without_a_file_the_answers_are_printed(call, pages: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result = call("predict", pages / "0.png", pages / "1.png")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("page,file,sha256,ensemble,target,class_name,confidence,"), result.output
    assert len(lines) == 3
    assert list(tmp_path.iterdir()) == []  # and nothing is left


def test_a_threshold_changes_which_pages_need_review_and_no_answer(call, pages: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tables = []
    for threshold in (0, 1):
        call("predict", pages / "*.png", "--to", "a.csv", "--threshold", threshold)
        tables.append(pd.read_csv(tmp_path / "a.csv"))
    low, high = tables
    assert high["needs_review"].all()
    assert not any("confidence" in str(why) for why in low["why"])
    assert low["target"].tolist() == high["target"].tolist()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("predict", "none.png"), "Expected none.png to be a file or a folder, but nothing is there."),
        (("predict", ".", "--to", "a.xlsx"), "Expected pictures in ."),
        (("inspect", "nowhere"), "Expected an ensemble in"),
        (("serve", "--host", "0.0.0.0"), "Expected a token where others can reach the server"),
        (("serve", "--token", "short"), "Expected a token of at least 16"),
    ],
)
def test_a_mistake_is_one_sentence(call, arguments: tuple[str, ...], sentence: str) -> None:  # type: ignore[no-untyped-def]
    result = call(*arguments)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {sentence}")


@pytest.mark.parametrize("command", ["inspect", "serve"])
def test_where_no_pages_are_given_the_ensemble_stands_alone(call, command: str) -> None:  # type: ignore[no-untyped-def]
    ways = [(command, "nowhere"), (command, "--ensemble", "nowhere")]
    told = {call(*way).output for way in ways}
    assert len(told) == 1
    assert told.pop().startswith("Error: Expected an ensemble in")
    both = call(command, "nowhere", "--ensemble", "elsewhere")
    assert both.exit_code == 2
    assert "two were given: nowhere and elsewhere" in both.output


def test_one_screen_says_what_an_ensemble_is(call, classifier: Classifier) -> None:  # type: ignore[no-untyped-def]
    result = call("inspect")
    lines = result.output.splitlines()
    assert len(lines) <= 24
    assert "2 × main (network), 2 × kernel (kernel), 2 × pair (network)" in result.output
    assert "macro-F1 0.500 [0.400, 0.600]" in result.output
    assert all(name in result.output for name in classifier.classes.values())


def test_the_classifier_is_one_import_away(classifier: Classifier, pages: Path) -> None:
    assert package.load is load
    again = package.load(classifier.ensemble.folder or "")
    table = again.predict(pages / "0.png")
    assert table["class_name"][0] in again.classes.values()
    assert again.threshold == classifier.threshold
    with pytest.raises(AttributeError, match="has no attribute 'lood'"):
        package.lood  # noqa: B018


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from docsort.commands.main import docsort; "
        "docsort.main(['predict', '--help'], standalone_mode=False); "
        "docsort.main(['serve', '--help'], standalone_mode=False); "
        "print([name for name in ('torch', 'pandas', 'kedro', 'numpy', 'mlflow', 'starlette') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
