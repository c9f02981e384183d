"""What all commands share: a mistake of the user's is one sentence, and signals end quietly what runs."""

import getpass
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from docsort.errors import DocsortError, InputError
from docsort.work.executor import close_work
from docsort.work.signals import Terminated

SIGNALLED = 128
"""Added to the number of the signal that ended a command, it is the exit status, as shells have it: 130 after Ctrl-C.
"""


def own_sentence(error: BaseException) -> str | None:
    """What to tell the user, or None when the error is not one that a user can put right."""
    return str(error) if isinstance(error, DocsortError) else None


@contextmanager
def one_sentence_errors(sentence_of: Callable[[BaseException], str | None] = own_sentence) -> Iterator[None]:
    """Turns what the user can put right into an error message; what nobody foresaw keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        click.echo("Stopped.", err=True)
        number = interrupt.number if isinstance(interrupt, Terminated) else signal.SIGINT
        raise click.exceptions.Exit(SIGNALLED + number) from None
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        raise click.ClickException(sentence) from error


def login() -> str:
    """Who is logged in. Raises InputError where the system has no name for them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:  # a container's user without a name
        raise InputError("Expected a login to name who decides, but the system has none; give --name.") from error


@contextmanager
def work_ended() -> Iterator[None]:
    """Ends the workers with whatever ends the command."""
    try:
        yield
    except BaseException:
        close_work()
        raise


@contextmanager
def plain_logs() -> Iterator[None]:
    """Where the output is no terminal, log lines are whole: rich would cut them to 80 columns, and fill these up."""
    from rich import get_console
    from rich.logging import RichHandler

    console, root = get_console(), logging.getLogger()
    rich = [] if console.is_terminal or console.is_jupyter else [h for h in root.handlers if isinstance(h, RichHandler)]
    plain = logging.StreamHandler(sys.stdout)
    plain.setFormatter(logging.Formatter("[%(asctime)s] %(levelname)-8s %(message)s", "%X"))
    before = root.handlers[:]
    root.handlers[:] = [handler for handler in before if handler not in rich] + [plain] * bool(rich)
    try:
        yield
    finally:
        root.handlers[:] = before
