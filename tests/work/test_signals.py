"""Signals, also those that the waiting main thread would never hear."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from docsort.work.signals import REPEAT_S, Terminated, ended_by_signals

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _as_a_terminal_has_them() -> Iterator[None]:
    """A shell that starts the tests in the background makes Python deaf to Ctrl-C, and pytest-xdist hears SIGTERM."""
    usual = dict.fromkeys(SIGNALS, signal.SIG_DFL) | {signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def soon(function: Callable[[], object]) -> None:
    def wait_and_call() -> None:
        time.sleep(0.2)
        function()
        time.sleep(5)  # a thread that is over is handed no signal

    threading.Thread(target=wait_and_call, daemon=True).start()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_what_runs_and_says_its_number(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Terminated, match="^$") as caught, ended_by_signals():  # noqa: PT012
        os.kill(os.getpid(), number)
        time.sleep(20)
    assert caught.value.number == number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_the_system_hands_to_another_thread_wakes_the_main_thread(number: int) -> None:
    start = time.monotonic()
    with pytest.raises(Terminated, match="^$"), ended_by_signals():  # noqa: PT012
        soon(lambda: signal.pthread_kill(threading.get_ident(), number))
        threading.Event().wait(20)
    assert time.monotonic() - start < 10


def test_a_signal_that_comes_twice_at_once_is_one_and_a_later_one_interrupts_again() -> None:
    heard = 0
    with ended_by_signals():
        for pause in (0.0, 0.0, REPEAT_S + 0.1):
            try:
                time.sleep(pause)
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.01)
            except Terminated:
                heard += 1
    assert heard == 2


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.5)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_it_does_nothing() -> None:
    def enter() -> None:
        with ended_by_signals():
            done.append(signal.getsignal(signal.SIGTERM))

    done: list[object] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert done == [signal.SIG_DFL]
