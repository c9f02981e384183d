"""What a process is called among all of its machine, for others to tell whether it still runs."""

import socket
from contextlib import suppress
from pathlib import Path

import psutil

SAME_START_S = 2
"""The start of a process is known to the hundredth of a second, from a clock that may be set."""


def machine_name() -> str:
    """The host, and where this is a container what numbers its processes: two may share a name."""
    with suppress(OSError):
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


def process_name(number: int | None = None) -> str:
    """Number and start, as numbers are given again; number: of another process than this one."""
    process = psutil.Process(number)
    return f"{process.pid} {process.create_time():.2f}"


def is_running(name: str) -> bool:
    """Whether the process of this name runs, on this machine; also where the name is none, for nobody knows."""
    number, _, start = name.partition(" ")
    try:
        process = psutil.Process(int(number))
        if process.status() == psutil.STATUS_ZOMBIE:  # has ended, but nobody asked how
            return False
        return bool(abs(process.create_time() - float(start)) < SAME_START_S)
    except psutil.NoSuchProcess:
        return False
    except (ValueError, psutil.Error):
        return True
