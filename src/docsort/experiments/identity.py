"""What an experiment is known by: all that decides its result, and nothing of where it lies."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docsort.ingestion.location import locate
from docsort.ingestion.parameters import SourceParameters
from docsort.parameters import read
from docsort.stores import file_digest, fingerprint, sha256
from docsort.versions import versions_of

PLACES = ("raw_dir", "answer_key", "photos")
"""Of the group `source`: what is there counts, not where."""

SAMPLE = "sample"
PACKAGE = "docsort"


def identify(parameters: Mapping[str, Any], ledgers: Sequence[Path], project: Path) -> str:
    """20 hexadecimal digits: of all parameters of the run, what its data files, its ledgers and the files that a
    parameter names hold, and the version of the package. Every photo is read.

    project: folder that relative paths are from. Raises InputError where there are no photos.
    """
    decisive = _whole(parameters)
    for name in PLACES:
        decisive["source"].pop(name, None)
    decisive.pop("tracking", None)
    named = {path: file_digest(file) for path, file in _files(decisive, project, ())}
    texts = [file_digest(str(file)) if file.is_file() else "" for file in ledgers]
    return fingerprint(versions_of([PACKAGE]), decisive, named, texts, data_digest(parameters["source"]))


def data_digest(source: Mapping[str, Any]) -> str:
    """Of the names and contents of all files of the data; of the sample, which parameters and seed decide, its name."""
    settings = read(SourceParameters, dict(source), "source")
    if settings.layout == SAMPLE:
        return SAMPLE
    location = locate(settings)
    root = location["folder"]
    found = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        found += [f"{os.path.relpath(folder, root)}/{name} {file_digest(f'{folder}/{name}')}" for name in sorted(files)]
    key = location["answer_key"]
    return sha256("\n".join([*found, file_digest(key) if key else ""]).encode(errors="surrogateescape"))


def _whole(value: Any) -> Any:
    """A copy in which 0.0 is 0: YAML and a person write one number in several ways."""
    if isinstance(value, Mapping):
        return {name: _whole(own) for name, own in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(own) for own in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _files(value: Any, project: Path, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The files that values name, such as weights and answer sheets, by dotted names of parameters."""
    if isinstance(value, Mapping):
        for name, own in value.items():
            yield from _files(own, project, (*place, str(name)))
    elif isinstance(value, str) and (file := project / os.path.expanduser(value)).is_file():  # noqa: PTH111  no error
        yield ".".join(place), str(file)
