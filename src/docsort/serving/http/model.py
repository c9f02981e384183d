"""The ensemble in use, and how a newer one takes its place while requests come.

A request is answered by the ensemble that was in use when it came. A newer one is opened, its files are compared with
their sums, and it answers a page, before it is used; where any of it fails, the old one stays.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from docsort.ensembling.ensemble_files import ENSEMBLE_FILE, newest
from docsort.errors import DocsortError, StorageError
from docsort.serving.classifier import Classifier
from docsort.work.executor import executor

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
"""How often the folder is looked at."""


@dataclass(frozen=True, eq=False)
class Model:
    """classifier: what answers; fingerprint: what answers name it by."""

    classifier: Classifier
    fingerprint: str


class CurrentModel:
    """load: opens the ensemble anew; place: folder that is looked at for a newer version, None: only when asked."""

    def __init__(self, load: Callable[[], Classifier], place: Path | None) -> None:
        self._load, self._place = load, place
        self._seen = self._stamp()
        self.now = self._open()
        self._asked, self._is_closed = threading.Event(), False
        self._one_at_a_time = threading.Lock()

    def watch(self, seconds: float = LOOK_SECONDS) -> None:
        """From now on looks for a newer version, in a thread."""
        threading.Thread(target=self._watch, args=(seconds,), name="look-for-newer", daemon=True).start()

    def ask(self) -> None:
        """Reloads soon, in the thread that watches; may be called by the handler of a signal."""
        self._asked.set()

    def close(self) -> None:
        """Looks no more."""
        self._is_closed = True
        self._asked.set()

    def reload(self) -> bool | None:
        """True where another ensemble is in use now, False where it is the same, None where the new one is refused,
        which the log tells."""
        with self._one_at_a_time:
            self._seen = self._stamp()
            try:
                opened = self._open()
            except (DocsortError, OSError) as error:
                logger.error("The ensemble %s stays in use: %s", self.now.fingerprint, error)
                return None
            if opened.fingerprint == self.now.fingerprint:
                return False
            self.now = opened
            logger.info("The ensemble %s is in use now.", opened.fingerprint)
            return True

    def _open(self) -> Model:
        classifier = self._load()
        if not classifier.ensemble.is_whole():
            raise StorageError(
                f"Expected the files of the ensemble in {classifier.ensemble.folder} to be as they were written, but "
                "one is not; copy the folder again."
            )
        warm(classifier)
        return Model(classifier, classifier.ensemble.fingerprint())

    def _stamp(self) -> object:
        """What differs when there is a newer version; None where nothing can be seen."""
        if self._place is None:
            return None
        try:
            status = (newest(self._place.expanduser().absolute()) / ENSEMBLE_FILE).stat()
        except (DocsortError, OSError):
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _watch(self, seconds: float) -> None:
        while not self._is_closed:
            asked = self._asked.wait(seconds)
            self._asked.clear()
            stamp = self._stamp()
            if not self._is_closed and (asked or (stamp is not None and stamp != self._seen)):
                self.reload()


def warm(classifier: Classifier) -> None:
    """Has each worker answer a page, so that it has opened the ensemble before the first request."""
    workers = executor().workers
    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(lambda number: classifier.predict(_blank_page(number), in_workers=True), range(workers)))


def _blank_page(number: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 64 + number), "white").save(buffer, "PNG")
    return buffer.getvalue()
