"""Work that kills its worker, for tests."""

import os
import signal
import time
from pathlib import Path

from docsort.work.survival import computing_limit


def double(number: int) -> int:
    """Twice the number; 13 kills the process."""
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def die_once(mark: str, number: int) -> int:
    """The number; the first time ever, it kills the process."""
    path = Path(mark)
    if number == 5 and not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def compute_for_ever(number: int) -> int:
    """With number 2, until the limit of a tenth of a second ends the process; waiting longer than that does not."""
    with computing_limit(0.1):
        time.sleep(0.2)
        while number == 2:
            pass
    return number


def take_apart_or_die(data: bytes, *limits: int) -> list[bytes]:
    """As the service takes an upload apart; b"13" kills the process."""
    from docsort.serving.http.decoding import take_apart

    if data == b"13":
        os.kill(os.getpid(), signal.SIGKILL)
    return take_apart(data, *limits)
