"""The service, from its start to its end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from docsort.serving.classifier import Classifier
from docsort.serving.http.access import check_access
from docsort.serving.http.app import create_app
from docsort.serving.http.limits import Limits
from docsort.serving.http.model import CurrentModel
from docsort.serving.http.service import Service
from docsort.web.clients import UploadProtocol
from docsort.web.server import listen, run
from docsort.work.executor import stop_work
from docsort.work.signals import Terminated


def serve(
    load: Callable[[], Classifier],
    place: Path | None,
    host: str,
    port: int,
    token: str | None,
    limits: Limits,
    started: Callable[[str, str], Any],
) -> None:
    """Serves until Ctrl-C or SIGTERM, which raise KeyboardInterrupt once what was under way is answered.

    load: opens the ensemble, again at each reload; place: folder that is looked at for newer versions, or None; port 0:
    any that is free; started: told the URL and the ensemble's fingerprint. Raises InputError for a host that wants a
    token, or a port that is taken.
    """
    check_access(host, token)
    with listen(host, port) as listener, _ended_by_sigterm():
        port = listener.getsockname()[1]
        service = None
        try:
            service = Service(CurrentModel(load, place), limits)
            with _reloaded_by_sighup(service.model):
                service.model.watch()
                shown = f"[{host}]" if ":" in host else host
                started(f"http://{shown}:{port}/", service.model.now.fingerprint)
                run(create_app(service, port, token), listener, UploadProtocol, limits.shutdown_seconds)
        finally:
            if service is not None:
                service.close()
            stop_work()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """uvicorn hears it first, answers what is under way, and then sends it on to here."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated(number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _reloaded_by_sighup(model: CurrentModel) -> Iterator[None]:
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, lambda number, frame: model.ask())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
