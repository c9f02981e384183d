"""What workers are asked to do in these tests: a spawned process can import this module, but no test module."""

import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from docsort.work.channel import report
from docsort.work.devices import Lease
from docsort.work.together import run_together


def echo(*args: Any) -> tuple[Any, ...]:
    return args


def be_deaf(begun: Path, *_: Any) -> None:
    """Like Lightning while it trains."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    begun.touch()
    time.sleep(600)


def be_killed(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_first(file: Path, times: int = 1) -> int:
    """Killed as often as the system would that has no memory left; the last number that was reported."""
    begun = len(file.read_text()) if file.exists() else 0
    file.write_text("x" * (begun + 1))
    report(begun)
    if begun < times:
        be_killed()
    return begun


def wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


def touch_later(file: Path) -> None:
    time.sleep(0.3)
    file.touch()


def hold(folder: Path, lease: Lease) -> int:
    """How many hold the same device meanwhile, at most."""
    own = [folder / f"{device} {os.getpid()}" for device in lease.devices]
    for file in own:
        file.touch()
    time.sleep(0.05)
    most = max(len(list(folder.glob(f"{device} *"))) for device in lease.devices)
    for file in own:
        file.unlink()
    return most


def visible_gpus(lease: Lease) -> tuple[Lease, str]:
    return lease, os.environ["CUDA_VISIBLE_DEVICES"]


def report_each(count: int, first: int = 0) -> int:
    for number in range(first, first + count):
        report(number)
    return count


def report_from_threads(count: int) -> None:
    threads = [threading.Thread(target=report_each, args=(count, first)) for first in (0, count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report_and_fail() -> None:
    report("begun")
    raise ValueError("no more pages")


def log_and_report() -> None:
    logging.getLogger("docsort").warning("first")
    report("second")
    logging.getLogger("docsort").warning("third")


def place(rank: int, word: str) -> tuple[int, str, int]:
    report(f"{word} {rank}")
    logging.getLogger("docsort").warning("%s %d", word, rank)
    return rank, word, os.getpid()


def fail_at(rank: int, failing: int, folder: Path) -> None:
    """One fails when the others have begun; they would go on for ten minutes, deaf to SIGTERM."""
    (folder / f"{rank} {os.getpid()}").touch()
    if rank != failing:
        be_deaf(folder / "deaf")
    wait_for(folder / "deaf")
    raise ValueError("no more memory")


def place_together(word: str, count: int) -> Any:
    return run_together(place, (word,), count)
