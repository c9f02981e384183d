"""Calls that hang, and those that do not."""

import threading
import time

import pytest

from docsort.work.patience import Impatient, within


def test_what_a_call_returns_or_raises_arrives() -> None:
    assert within(10, divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        within(10, divmod, 7, 0)
    assert Impatient(" page ", 10).strip(" p") == "age"


def test_a_call_that_hangs_is_left_after_its_time() -> None:
    start = time.monotonic()
    with pytest.raises(TimeoutError, match="no answer within 0.2 s"):
        within(0.2, threading.Event().wait)
    assert time.monotonic() - start < 5


def test_a_timeout_of_the_call_itself_is_not_taken_for_ours() -> None:
    def give_up() -> None:
        raise TimeoutError("the server said so")

    with pytest.raises(TimeoutError, match="the server said so"):
        within(10, give_up)
