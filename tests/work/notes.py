"""Listeners for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

from docsort.work.progress import Job, Listener, Outcome, Progress


class Notes(Listener):
    """Remembers all it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def began(self, job: Job) -> None:
        self.heard.append(("began", job))

    def progressed(self, job: Job, progress: Progress) -> None:
        self.heard.append(("progressed", progress))

    def epoch_ended(self, job: Job, row: Mapping[str, float]) -> None:
        self.heard.append(("epoch_ended", row))

    def ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        self.heard.append((outcome, error))

    def kept(self, job: Job, rows: Sequence[Mapping[str, float]]) -> None:
        self.heard.append(("kept", rows))

    def predicted(self, name: str, done: int, pages: int) -> None:
        self.heard.append((name, (done, pages)))

    def of(self, kind: str) -> list[Any]:
        return [what for found, what in self.heard if found == kind]


class Clumsy(Listener):
    def progressed(self, job: Job, progress: Progress) -> None:
        raise RuntimeError("no screen")
