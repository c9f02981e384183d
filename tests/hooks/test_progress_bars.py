"""Bars on a terminal that is none, read as text."""

import logging
import re
from collections.abc import Callable
from io import StringIO
from types import SimpleNamespace

import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.logging import RichHandler
from rich.console import Console

from docsort.hooks import ProgressHooks
from docsort.hooks.progress_bars import Bars
from docsort.work import progress as work_progress
from docsort.work.progress import Began, Job, Progress, followed

FOLDS = [Job(f"fold_{fold}", "network", {}, seed=1, device="cpu") for fold in range(2)]
HALF = Progress(2, 5, 63, 126, 214.4, 1.2345)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("TERM", "xterm-256color")
    return Console(force_terminal=True, file=StringIO(), width=100)


def shown(console: Console) -> str:
    """All that was drawn so far, without colours and moves of the cursor."""
    assert isinstance(console.file, StringIO)
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", console.file.getvalue()).replace("\r", "\n")


def test_a_bar_says_where_a_training_is(terminal: Console) -> None:
    bars = Bars(terminal)
    bars.began(FOLDS[0])
    bars.progressed(FOLDS[0], HALF)
    assert bars._display is not None
    bars._display.refresh()
    line = next(line for line in shown(terminal).splitlines() if "epoch" in line)
    assert line.startswith("fold_0 epoch 2/5 ━━━")
    assert line.rstrip().endswith("50% 214 images/s loss 1.234")
    bars.ended(FOLDS[0], "finished", None)
    assert "\x1b[?25h" in terminal.file.getvalue()  # type: ignore[attr-defined]  # the cursor is back


def test_a_training_that_begins_again_has_one_bar(terminal: Console) -> None:
    bars = Bars(terminal)
    for _ in range(2):
        bars.began(FOLDS[0])
        bars.progressed(FOLDS[0], HALF)
    assert bars._display is not None
    assert [task.description for task in bars._display.tasks] == ["fold_0 epoch 2/5"]


def test_bars_stay_until_the_last_training_has_ended(terminal: Console) -> None:
    bars = Bars(terminal)
    for fold in FOLDS:
        bars.began(fold)
        bars.progressed(fold, HALF)
    bars.ended(FOLDS[0], "failed", ValueError("a page"))
    bars.progressed(FOLDS[0], HALF)
    assert bars._display is not None
    assert [task.description for task in bars._display.tasks] == ["fold_1 epoch 2/5"]
    bars.ended(FOLDS[1], "stopped", KeyboardInterrupt())
    assert bars._display is None
    bars.began(FOLDS[1])
    bars.ended(FOLDS[1], "finished", None)
    assert bars._display is None


def test_log_lines_stand_above_the_bar(terminal: Console) -> None:
    logger = logging.getLogger("docsort.test_bars")
    handler = RichHandler(console=terminal, markup=False, show_path=False)
    logger.addHandler(handler)
    bars = Bars(terminal)
    try:
        bars.began(FOLDS[0])
        bars.progressed(FOLDS[0], HALF)
        assert bars._display is not None
        bars._display.refresh()
        logger.warning("fold_0 epoch 1/5 [loss]")
        lines = [line for line in shown(terminal).splitlines() if line.strip()]
        bars.ended(FOLDS[0], "finished", None)
    finally:
        logger.removeHandler(handler)
    assert "fold_0 epoch 1/5 [loss]" in lines[-2]
    assert lines[-1].startswith("fold_0 epoch 2/5 ━")


def run(console: Console, during: Callable[[], None], error: Exception | None = None) -> None:
    """As Kedro tells a hook of a run."""
    manager = _create_hook_manager()
    manager.register(ProgressHooks(console))
    told = {"run_params": {}, "pipeline": SimpleNamespace(), "catalog": SimpleNamespace()}
    manager.hook.before_pipeline_run(**told)
    during()
    if error is None:
        manager.hook.after_pipeline_run(run_result={}, **told)
    else:
        manager.hook.on_pipeline_error(error=error, **told)


@pytest.mark.parametrize("error", [None, ValueError("a page")])
def test_a_run_on_a_terminal_is_listened_to_until_its_end(terminal: Console, error: Exception | None) -> None:
    def train() -> None:
        (listener,) = work_progress._listeners
        assert isinstance(listener, Bars)
        with followed(FOLDS[0]) as on_event:
            on_event(Began())
            assert listener._display is not None
            listener._display.refresh()
        assert listener._display is None

    run(terminal, train, error)
    assert "fold_0 begins" in shown(terminal)
    assert work_progress._listeners == []


def test_where_there_is_no_terminal_nothing_is_drawn() -> None:
    console = Console(file=StringIO())

    def look() -> None:
        assert work_progress._listeners == []

    run(console, look)
    assert shown(console) == ""
