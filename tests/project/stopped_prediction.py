"""Files answered as `docsort predict` does it, and stopped in the middle where that is wished."""

from collections.abc import Sequence
from pathlib import Path

from upath import UPath

from docsort.serving.classifier import Classifier
from docsort.serving.listing import PhotoFile
from docsort.serving.prediction import answer_files, parts_folder, remove_parts
from docsort.serving.results import join_parts


class StopError(Exception):
    """Stands for a kill."""


def run(classifier: Classifier, files: Sequence[PhotoFile], result: Path | UPath, most: int | None = None) -> None:
    """most: parts after which it is stopped."""
    place, parts = parts_folder(result), []
    for number, (path, _, _) in enumerate(answer_files(classifier, files, place)):
        if number == most:
            raise StopError
        parts.append(path)
    join_parts(parts, result)
    remove_parts(place)
