"""Which runs may work in one folder of results at once: those that do not get in each other's way.

Each run that is let in holds a lock on a file of its own below `.docsort/runs` of the folder, beside a note of what it
is. The system gives a lock back when its process ends, however it ends, so a crash leaves nothing that counts. Machines
that share the folder see each other's where their file system carries locks from one to the other, as NFS does by
default. It cannot see a run of a version that takes no lock.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, SoftFileLock, Timeout

from docsort.errors import InUseError, StorageError, listing
from docsort.files import write_atomically

FOLDER = ".docsort"
"""Below the folder of results; what is in it is no result."""
PATIENCE_S = 20
"""Another run is let in in milliseconds."""
NOT_COMPARED = ("source.photos",)
"""Settings that decide nothing of what runs share: new photos are answered beside a training."""


@dataclass(frozen=True)
class Claim:
    """A run as it tells others of itself. who: command, process, machine and time, for a sentence. settings: by dotted
    names, as texts. uses: names of settings, or of groups of them, that it reads. reads, writes: names of datasets.
    """

    who: str
    settings: Mapping[str, str]
    uses: Sequence[str]
    reads: Sequence[str]
    writes: Sequence[str]

    def obstacle(self, other: "Claim") -> str | None:
        """Why the other, which is there already, forbids this one; None where both may work."""
        shared = sorted(set(self.writes) & set(other.writes))
        flow = set(self.writes) & set(other.reads) or set(self.reads) & set(other.writes)
        mine, others = self._used(), other._used()
        here, there = self.settings, other.settings
        changed = sorted(
            name for name in (mine | others if flow else mine & others) if here.get(name) != there.get(name)
        )
        if changed:
            told = [f"{name} is {there.get(name)} there and {here.get(name)} here" for name in changed]
            return f"it has other settings: {listing(told, 3)}"
        return f"it writes {listing(shared, 3)} too" if shared else None

    def _used(self) -> set[str]:
        return {
            name
            for name in self.settings
            if name not in NOT_COMPARED and any(name == used or name.startswith(f"{used}.") for used in self.uses)
        }


class NoLocksError(Exception):
    """The file system takes no locks, or the folder cannot be written to."""


class Admission:
    """A run's place in a folder of results, held until `leave` or the end of the process."""

    def __init__(self, root: Path, claim: Claim) -> None:
        """Raises InUseError where another run is in the way, NoLocksError where nobody can tell."""
        folder = root / FOLDER / "runs"
        self._note = folder / f"{secrets.token_hex(8)}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with _one_at_a_time(folder, root):
                for other in _present(folder):
                    if (why := claim.obstacle(other)) is not None:
                        raise InUseError(
                            f"Expected no other run to be in the way in {root}, but {other.who} is at work there, and "
                            f"{why}. Wait until it has ended, or give this one another folder: "
                            '--params "data_root=…".'
                        )
                self._lock = _take(self._note)
                write_atomically(self._note, json.dumps(asdict(claim)).encode())
        except (OSError, StorageError) as error:
            raise NoLocksError(getattr(error, "strerror", None) or str(error)) from error

    def leave(self) -> None:
        """Lets others in; may be called twice."""
        if self._lock.is_locked:
            _remove(self._note, self._lock)


@contextmanager
def _one_at_a_time(folder: Path, root: Path) -> Iterator[None]:
    door = FileLock(folder / "door.lock", timeout=PATIENCE_S, thread_local=False)
    try:
        with door:
            if isinstance(door, SoftFileLock):  # what filelock falls back to; it would outlive a crash
                raise OSError(0, "no locks here")
            yield
    except Timeout:
        raise InUseError(
            f"Expected to be let into {root}, but a run has held the door for {PATIENCE_S} s; end the run that hangs, "
            'or give this one another folder: --params "data_root=…".'
        ) from None


def _present(folder: Path) -> Iterator[Claim]:
    """The runs that are at work; what those have left that ended without a word is removed."""
    for note in sorted(folder.glob("*.json")):
        try:
            lock = _take(note)
        except Timeout:
            yield _read(note)
        else:
            _remove(note, lock)


def _read(note: Path) -> Claim:
    try:
        return Claim(**json.loads(note.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InUseError(
            f"Expected the note of a run at work to be whole, but {note} is damaged; end the other run, then remove it."
        ) from error


def _take(note: Path) -> FileLock:
    lock: Any = FileLock(note.with_suffix(".lock"), thread_local=False)
    lock.acquire(blocking=False)
    return lock  # type: ignore[no-any-return]


def _remove(note: Path, lock: FileLock) -> None:
    lock.release()  # some systems remove no file that is open
    for file in (note, note.with_suffix(".lock")):
        file.unlink(missing_ok=True)
