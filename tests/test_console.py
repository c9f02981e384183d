"""What all commands share."""

import logging

import pytest
import rich
from rich.console import Console
from rich.logging import RichHandler

from docsort.console import plain_logs

LONG = "a line of a log " * 12


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[logging.Handler]:
    """The root's, with a rich one as Kedro installs it."""
    handlers: list[logging.Handler] = [RichHandler(console=rich.get_console())]
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)
    return handlers


def test_a_pipe_gets_whole_lines(handlers: list[logging.Handler], capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("docsort.console.test")
    logger.warning(LONG)
    assert LONG.strip() not in capsys.readouterr().out  # rich breaks it
    with plain_logs():
        logger.warning(LONG)
    assert LONG.strip() in capsys.readouterr().out
    logger.warning(LONG)
    assert LONG.strip() not in capsys.readouterr().out


def test_a_terminal_keeps_its_colours(handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich, "_console", Console(force_terminal=True))
    before = logging.getLogger().handlers[:]
    with plain_logs():
        assert logging.getLogger().handlers == before
