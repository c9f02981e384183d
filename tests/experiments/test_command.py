"""`docsort experiments` and `docsort search` as they are typed."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kedro_command import ROOT
from tiny_runs import TinyPlace, TinyProject, planned

from docsort.commands.main import docsort
from docsort.experiments import places
from docsort.experiments.driver import Driver
from docsort.experiments.queue import Queue
from docsort.hooks import project_settings

TWO = (
    "folder: {folder}\nenv: smoke\nexperiments:\n  plain: {{}}\n  lengths: {{grid: {{members.main.epochs: [2, 3]}}}}\n"
)
SPACE = "folder: {folder}\nenv: smoke\nspace: {{members.main.label_smoothing: {{float: [0, 0.2]}}}}\ntrials: 1\n"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(docsort, [str(argument) for argument in arguments])


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> TinyPlace:
    """Where runs are made that take no time, of a project that has few parameters."""
    tiny = TinyPlace()
    monkeypatch.setattr(places, "Here", lambda workers: tiny)
    monkeypatch.setattr(project_settings, "Project", TinyProject)
    monkeypatch.setenv("DOCSORT_TRACKING", "off")
    monkeypatch.chdir(ROOT)
    return tiny


def test_experiments_are_run_told_compared_and_submitted(queue: Queue, place: TinyPlace, tmp_path: Path) -> None:
    file, named = tmp_path / "two.yml", ("--queue", queue.folder)
    file.write_text(TWO.format(folder=queue.folder))
    added = invoke("experiments", "run", file, "--only-add")
    assert added.exit_code == 0, added.output
    assert "lengths/epochs=2 is called plain in the queue" in added.output
    assert "2 waiting" in invoke("experiments", "status", *named).output
    assert place.begun == []
    ran = invoke("experiments", "run", file)
    assert "2 of 2 have finished" in ran.output
    assert sorted(place.begun) == ["lengths/epochs=3", "plain"]
    board = invoke("experiments", "leaderboard", *named)
    assert "Take “" in board.output
    assert str(queue.folder / "leaderboard.html") in board.output
    to = tmp_path / "answers.csv"
    submitted = invoke("experiments", "submit", "plain", *named, "--to", to)
    assert submitted.output == (
        f"{to} has the answers of plain; forecast: macro-F1 0.800 (95 % interval 0.780 to 0.820)\n"
    )
    assert to.read_text() == "ID,target\na.jpg,80\n"


def test_what_was_cancelled_is_resumed(queue: Queue, place: TinyPlace) -> None:
    queue.add([planned("a"), planned("b")])
    named = ("--queue", queue.folder)
    assert "2 are cancelled" in invoke("experiments", "cancel", "--all", *named).output
    Driver(queue, ROOT, place).work(1)
    assert place.begun == []
    assert "1 of 1 have finished" in invoke("experiments", "resume", "b", *named).output
    assert "2 of 2 have finished" in invoke("experiments", "resume", *named).output
    assert place.begun == ["b", "a"]


def test_parameters_that_the_project_refuses_are_told_together_before_any_work(
    queue: Queue, place: TinyPlace, tmp_path: Path
) -> None:
    file = tmp_path / "two.yml"
    file.write_text(TWO.format(folder=queue.folder).replace("[2, 3]", "[-2, 3, -3]"))
    refused = invoke("experiments", "run", file)
    assert refused.exit_code == 1
    sentence = "Expected `members.main.epochs` to be a whole number of at least 0."
    told = [f"In the experiment `lengths/epochs={epochs}`: {sentence}" for epochs in (-2, -3)]
    assert refused.output == f"Error: {told[0]}\n{told[1]}\n"
    assert not queue.exists()


def test_a_search_tells_both_figures_of_its_winner(queue: Queue, place: TinyPlace, tmp_path: Path) -> None:
    file = tmp_path / "space.yml"
    file.write_text(SPACE.format(folder=queue.folder))
    found = invoke("search", file)
    assert found.exit_code == 0, found.output
    for line in ("1 finished.", "Best: members.main.label_smoothing=", "that had no say          0.800 [0.780, 0.820]"):
        assert line in found.output
    assert len(place.begun) == 1 + 3  # judged, and as given on either seed
    assert (queue.folder / "studies" / "search.json").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("status",), "Expected a queue of experiments in .*, but there is none; begin one with"),
        (("cancel",), "Expected names of experiments, or --all, one of the two"),
        (("leaderboard",), "Expected a queue of experiments in"),
        (("submit", "best"), "Expected a queue of experiments in"),
    ],
)
def test_a_queue_that_there_is_not_is_one_sentence(queue: Queue, arguments: tuple[str, ...], told: str) -> None:
    import re

    refused = invoke("experiments", *arguments, "--queue", queue.folder)
    assert refused.exit_code == 1
    assert re.match(f"Error: {told}", refused.output)


def test_the_modules_of_the_commands_load_nothing_heavy() -> None:
    code = (
        "import sys, docsort.commands.experiments, docsort.commands.search;"
        "print(sorted({'torch', 'optuna', 'ray', 'mlflow', 'kedro', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
