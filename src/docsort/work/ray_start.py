"""Ray, started or joined, in this process. Ray counts no use and shows no dashboard.

A cluster is joined directly, by the address of its head node, from a machine that belongs to it. Ray's client protocol,
which works from outside, knows no generators, by which our messages come home, and drops a run that it has not heard
for half a minute.
"""

import atexit
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from filelock import FileLock, Timeout

from docsort.errors import InputError
from docsort.work.local import worker_count
from docsort.work.signals import ENDING

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # or under `uv run` it would build an environment on every machine
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # or it prints pages of its own log when a machine is lost
}
"""Read by Ray when it is imported."""
STORE_BYTES = 256 * 2**20
"""Of Ray's object store on this machine, through which calls and results of more than 100 kB go; the rest goes to disk.
"""
TEMPORARY, LOCK = "docsort-ray-", "lock"
WAIT_S = 120
"""So long Ray may take to start."""


def load_ray() -> Any:
    """The module, which counts no use. Raises InputError where it is not installed."""
    os.environ.update(SETTINGS)
    if "RAY_AUTH_TOKEN" in os.environ or _token_file().is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # as `ray start` takes it, and `ray.init` does not
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "Expected Ray, but it is not installed; install it with `uv pip install 'docsort[ray]'`, or leave "
            "DOCSORT_EXECUTOR=ray or `--on ray` out to work on this machine."
        ) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    return ray


def start_ray(address: str | None) -> Any:
    """The module, connected until this process ends. Raises InputError where that cannot be.

    address: host:port of the head node. Without one the cluster that RAY_ADDRESS names, or else the one that `ray
    start` began on this machine, or else a new one, of as many CPUs as there are workers.
    """
    ray = load_ray()
    if ray.is_initialized():  # by another room of this process
        return ray
    address = address or os.environ.get("RAY_ADDRESS") or running_here()
    place = joined(address) if address else new_cluster()
    begun: Future[None] = Future()
    # A thread of its own: Ray's processes end with the thread that starts them, and in the main thread Ray would take
    # SIGTERM from us.
    threading.Thread(target=_keep, args=(ray, place, begun), name="keep-ray", daemon=True).start()
    atexit.register(ray.shutdown)
    try:
        begun.result(WAIT_S)
    except Exception as error:
        what = f"join the Ray cluster at {address}" if address else "start Ray on this machine"
        why = " ".join(str(error).split()) or type(error).__name__
        hint = "; it may have another token, see docs/cluster.md" if why.startswith("Failed to connect") else ""
        raise InputError(f"Expected to {what}, but: {why}{hint}") from error
    _take_signals_back()
    return ray


def _take_signals_back() -> None:
    """Ray writes a trace for SIGTERM, and aborts. Only the main thread may; it is the first to ask for the executor."""
    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def _token_file() -> Path:
    """Where Ray keeps what all processes of a cluster must know."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")


def joined(address: str) -> dict[str, Any]:
    address = address.removeprefix("ray://")
    _check_reachable(address)
    return {"address": address}


def new_cluster() -> dict[str, Any]:
    usual = tempfile.gettempdir()
    folder = new_folder(Path(usual if len(usual) < 9 else "/tmp"))
    os.environ.setdefault("RAY_worker_niceness", "0")  # as that of workers here
    if os.environ.get("RAY_AUTH_MODE", "token") == "token" and not _token_file().is_file():
        os.environ.setdefault("RAY_AUTH_TOKEN", uuid4().hex)  # or Ray would write one into the user's home, for ever
    return {
        "address": "local",
        "num_cpus": worker_count(),
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
        "_temp_dir": str(folder / "r"),  # Ray lets all users into it
    }


def _keep(ray: Any, place: dict[str, Any], begun: "Future[None]") -> None:
    try:
        ray.init(
            **place, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR, namespace="docsort"
        )
    except BaseException as error:
        begun.set_exception(error)
        return
    begun.set_result(None)
    threading.Event().wait()  # for ever


def running_here() -> str | None:
    """The address that `ray start` has left on this machine, if something answers there."""
    try:
        file = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
        address = file.read_text(encoding="utf-8").strip()
        _check_reachable(address)
    except (OSError, InputError):
        return None
    return address


def _check_reachable(address: str) -> None:
    """Ray itself would try for a minute, and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise InputError(
            f"Expected the address of a Ray cluster as host:port, for example ray://10.0.0.1:6379, but got {address!r}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise InputError(
            f"Expected the head node of a Ray cluster at {host}:{port}, but nobody answers there ({error}); start one "
            "with `ray start --head`, and give the address that it shows."
        ) from error


def new_folder(above: Path) -> Path:
    """For Ray's logs and sockets, whose paths must be short; those of runs that were killed are removed."""
    for old in above.glob(f"{TEMPORARY}*/{LOCK}"):
        with suppress(Timeout, OSError), FileLock(old, timeout=0):
            shutil.rmtree(old.parent, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=above))
    lock = FileLock(folder / LOCK)
    lock.acquire()
    atexit.register(_remove, folder, lock)
    return folder


def _remove(folder: Path, lock: FileLock) -> None:
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)
