"""Runs a module as `python -m` does, in a process that ends with the one that started it.

    python -m docsort.work.leash kedro run --pipelines train

Standard input is the leash: it ends when the process that holds its other end does, however that happens, also by
SIGKILL. Then what runs here is told to end as by SIGTERM, and where that does not help the whole process group is
killed.
"""

import os
import runpy
import signal
import sys
import threading

PATIENCE_S = 20
"""So long a run has to end its workers and to close its records."""


def main() -> None:
    """Runs the module that the first argument names, with the others as its arguments."""
    threading.Thread(target=_end_with_holder, name="leash", daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_holder() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(PATIENCE_S)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main()
