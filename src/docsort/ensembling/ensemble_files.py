"""The files of an ensemble: everything that turns a page into an answer, in one folder.

    folder/ensemble.json         page format, members, decisions, classes, forecast, versions
    folder/novelty.safetensors   what the members have learnt, to find pages that are like nothing of it
    folder/members/<key>/        the files of each member
    folder/reference.safetensors numbers of the pages validated on, which new pages are compared with; may be missing

Nothing in it is executable, and nothing outside of it is needed: it may be moved to another machine.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from docsort.arrays import Arrays, arrays_to_bytes, read_arrays
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.novelty import NoveltyIndex
from docsort.ensembling.reference import Reference
from docsort.errors import StorageError
from docsort.files import partial_of, read_file, storing, write_atomically
from docsort.member_kinds import kind_of
from docsort.members.checkpoints import Checkpoint
from docsort.stores import RECORD, Store, checked_digest, file_digest, fingerprint, is_whole, sealed, sha256, unsealed

ENSEMBLE_FILE, NOVELTY_FILE, MEMBERS_FOLDER = "ensemble.json", "novelty.safetensors", "members"
REFERENCE_FILE = "reference.safetensors"
ENSEMBLE_VERSION = 2
"""Of the files; any other is refused."""


@dataclass(frozen=True)
class EnsembleMember:
    """name: of the member, or of the group of a specialist; fold: that it has not learnt; key: of its checkpoint."""

    name: str
    fold: int
    key: str


@dataclass(frozen=True)
class Manifest:
    """What stands in ensemble.json. jpeg_quality: 1 to 100, of pages as members see them; the side that a member wants,
    and whether straight, is in its record. classes: (number, name), ascending; fallback: class number of a page that
    cannot be read; embedder: name of the members that say where a page lies, None where no page is measured;
    novelty_limit: share of held-out pages that a page is more novel than, to need review; forecast: what it was
    forecast to score, and on what; training_pages: traits of the pages it learnt, by quantile, for who wants to watch
    drift.
    """

    jpeg_quality: int
    classes: tuple[tuple[int, str], ...]
    fallback: int
    members: tuple[EnsembleMember, ...]
    decisions: Decisions
    embedder: str | None
    novelty_limit: float
    forecast: dict[str, Any] | None
    training_pages: dict[str, Any]
    packages: dict[str, str]
    version: int = ENSEMBLE_VERSION


_MANIFEST: TypeAdapter[Manifest] = TypeAdapter(Manifest)


@dataclass(frozen=True, eq=False)
class EnsembleFiles:
    """manifest: all facts and decisions; checkpoints: of the members, by key; novelty: by fold; folder: where it lies,
    None before it is saved, and only a saved one can answer; reference: what new pages are compared with, None where it
    was made before there was one; graphs: ONNX files that compute members in torch's place, by key."""

    manifest: Manifest
    checkpoints: Mapping[str, Checkpoint]
    novelty: Mapping[int, NoveltyIndex]
    folder: Path | None = None
    reference: Reference | None = None
    graphs: Mapping[str, Path] = field(default_factory=dict)

    def save(self, folder: Path) -> Self:
        """Writes the folder, its manifest last, and gives back the ensemble that lies there. Members' files are linked
        where the disk can, so that a version costs next to nothing.

        Raises StorageError when the disk does not take it, or where a member is damaged.
        """
        for checkpoint in self.checkpoints.values():
            copy_member(checkpoint, folder / MEMBERS_FOLDER / checkpoint.key)
        novelty = arrays_to_bytes(self._novelty_arrays())
        write_atomically(folder / NOVELTY_FILE, novelty)
        sums = {NOVELTY_FILE: sha256(novelty)}
        if self.reference is not None:
            reference = arrays_to_bytes(self.reference.to_arrays())
            write_atomically(folder / REFERENCE_FILE, reference)
            sums[REFERENCE_FILE] = sha256(reference)
        facts = _MANIFEST.dump_python(self.manifest, mode="json")
        write_atomically(folder / ENSEMBLE_FILE, sealed(facts, sums))
        return type(self).load(folder)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The ensemble of a folder, or the newest version below it; its members are opened, and compared with their
        sums, when they are asked.

        Raises StorageError, one sentence, where there is none, where a file is damaged or missing, or where a newer or
        an older version of Docsort has written it.
        """
        place = newest(Path(folder).expanduser().absolute())
        manifest = _read_manifest(place / ENSEMBLE_FILE)
        keys = sorted({member.key for member in manifest.members})
        store = Store(place / MEMBERS_FOLDER)
        checkpoints = {key: Checkpoint(store.folder(key), key) for key in keys}
        lost = [key for key, checkpoint in checkpoints.items() if not _is_whole(checkpoint)]
        if lost:
            raise StorageError(
                f"Expected the member {lost[0]} in {place}, but it is gone or not whole; copy the folder again, or "
                "run the ensembling pipeline again."
            )
        novelty, reference = _read_novelty(place / NOVELTY_FILE), _read_reference(place / REFERENCE_FILE)
        return cls(manifest, checkpoints, novelty, place, reference)

    def fingerprint(self) -> str:
        """Of all that decides an answer: members, JPEG quality, decisions, novelty, graphs; not of its forecast and its
        reference."""
        facts = asdict(replace(self.manifest, forecast=None, training_pages={}, packages={}, decisions=None))  # type: ignore[arg-type]
        decisions = _MANIFEST.dump_python(self.manifest, mode="json")["decisions"]
        graphs = [{key: file_digest(str(path)) for key, path in self.graphs.items()}] if self.graphs else []
        novelty = {fold: index.fingerprint() for fold, index in self.novelty.items()}
        return fingerprint(facts, decisions, novelty, *graphs)

    def is_whole(self) -> bool:
        """Whether all files of its members are as they were written; reads them."""
        return all(
            is_whole(str(each.folder / name)) for each in self.checkpoints.values() for name in kind_of(each).files
        )

    @property
    def targets(self) -> list[int]:
        """Class numbers, ascending."""
        return [target for target, _ in self.manifest.classes]

    def finished(
        self, decisions: Decisions, forecast: dict[str, Any] | None, reference: Reference | None = None
    ) -> Self:
        """The same members with other decisions, a forecast and a reference, not saved yet."""
        manifest = replace(self.manifest, decisions=decisions, forecast=forecast)
        return replace(self, manifest=manifest, folder=None, reference=reference)

    def _novelty_arrays(self) -> Arrays:
        return {
            f"{fold}/{name}": array for fold, own in self.novelty.items() for name, array in own.to_arrays().items()
        }


def newest(place: Path) -> Path:
    """The folder itself where it holds an ensemble, else the newest of its versions, as Kedro names them."""
    if (place / ENSEMBLE_FILE).is_file():
        return place
    versions = sorted(place.glob(f"*/*/{ENSEMBLE_FILE}")) or sorted(place.glob(f"*/{ENSEMBLE_FILE}"))
    if not versions:
        raise StorageError(
            f"Expected an ensemble in {place} ({ENSEMBLE_FILE}), but there is none; run the ensembling pipeline, or "
            "name the folder that it has written."
        )
    return versions[-1].parent


def copy_member(checkpoint: Checkpoint, folder: Path) -> None:
    """Links or copies the files that its kind needs, the record last. What is there and not the same is replaced."""
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (*kind_of(checkpoint).files, RECORD):
            _place(checkpoint.folder / name, folder / name)


def _place(source: Path, target: Path) -> None:
    digest = checked_digest(str(source))
    if target.is_file() and file_digest(str(target)) == digest:
        return
    try:
        with partial_of(target) as partial:
            os.link(source, partial)
            partial.replace(target)
    except OSError:  # another disk, or one without links
        write_atomically(target, read_file(source))


def _is_whole(checkpoint: Checkpoint) -> bool:
    return checkpoint.is_complete() and all((checkpoint.folder / name).is_file() for name in kind_of(checkpoint).files)


def _read_manifest(path: Path) -> Manifest:
    found = unsealed(read_file(path))
    if found is None:
        raise _damaged(path)
    values, _ = found
    version = values.get("version", ENSEMBLE_VERSION)
    if version != ENSEMBLE_VERSION:
        newer = version > ENSEMBLE_VERSION
        raise StorageError(
            f"Expected {path} to be of version {ENSEMBLE_VERSION}, but it is of {version}; "
            f"{'install a newer Docsort' if newer else 'train again, or install the Docsort that has written it'}."
        )
    try:
        return _MANIFEST.validate_python(values)
    except (ValueError, TypeError, ValidationError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> StorageError:
    return StorageError(
        f"Expected {path} to be as an ensemble was saved there, but it is not; copy the folder again, or run the "
        "ensembling pipeline again."
    )


def _read_reference(path: Path) -> Reference | None:
    if not path.is_file():
        return None
    try:
        return Reference.from_arrays(read_arrays(path, ENSEMBLE_FILE))
    except StorageError as error:
        raise _damaged(path) from error


def _read_novelty(path: Path) -> dict[int, NoveltyIndex]:
    by_fold: dict[int, Arrays] = {}
    try:
        for name, array in read_arrays(path, ENSEMBLE_FILE).items():
            fold, _, rest = name.partition("/")
            by_fold.setdefault(int(fold), {})[rest] = array
        return {fold: NoveltyIndex.from_arrays(own) for fold, own in sorted(by_fold.items())}
    except (ValueError, KeyError, StorageError) as error:
        raise _damaged(path) from error
