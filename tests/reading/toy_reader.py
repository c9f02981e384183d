"""A reader of flat pages: their colour says which class they are of, and what stands on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from docsort.members.cache import DIGITS
from docsort.members.pages import read_render
from docsort.members.splits import Split, split_fold
from docsort.reading.kind import ReadingKind, ReadingTask
from docsort.reading.text import PageText, TextLine
from docsort.stores import Store, checked_digest, fingerprint
from docsort.tables import FOLD_TABLE, RENDERS, VALIDATION_RENDERS

TARGETS = (2, 5, 9)
FOLDS, SOURCES, SIDE = 3, 36, 64
HEADINGS = ("Invoice", "Passport", "Prescription")
WORDS = ("amount total payment due", "nationality birth surname given", "tablets daily dosage doctor")
FACTS = {
    "engine": "toy",
    "language": "latin",
    "lines": 12,
    "versions": {"toy": "1"},
    "models": {"toy.onnx": "ab"},
    "procedure": 1,
}
BLANK = (120, 120, 120)
"""The colour of a page without text."""


def draw(target: int, number: int, worn: bool = False) -> Any:
    """A page (40, 56, 3) of a class."""
    page = np.zeros((40, 56, 3), dtype=np.uint8)
    page[:] = (40 + 60 * TARGETS.index(target), 5 * number + 40, 200 if worn else 0)
    return page


def text_of(photo: Any) -> PageText:
    """What stands on it: the heading, unless the page is worn, words of the class, and a name of its own."""
    red, green, blue = photo.reshape(-1, 3).mean(axis=0)
    if abs(red - BLANK[0]) < 5 and abs(blue - BLANK[2]) < 40:
        return PageText()
    own, number = round((red - 40) / 60), round((green - 40) / 5)
    words = WORDS[own].split()
    found = [HEADINGS[own]] if blue < 100 else []
    found += [*words[number % 2 : 2 + number % 3], f"zanzibar{number}"]
    box = ((0.1, 0.1), (0.6, 0.1), (0.6, 0.2), (0.1, 0.2))
    return PageText(tuple(TextLine(word, 0.9, box, 0.1 / (1 + row)) for row, word in enumerate(found)), 0)


@dataclass
class Toy:
    """Stands for an engine: what it has read, and what it says of itself."""

    facts: dict[str, Any] = field(default_factory=lambda: dict(FACTS))
    read: list[str] = field(default_factory=list)
    missing: str = ""

    def read_renders(self, paths: Sequence[str], parameters: Any, cache: Store | None) -> list[PageText]:
        return [self._one(path, cache) for path in paths]

    def known_texts(self, paths: Sequence[str], parameters: Any, cache: Store) -> list[PageText | None]:
        records = [self._store(cache).finished(checked_digest(path)[:DIGITS]) for path in paths]
        return [None if record is None else PageText.from_record(record) for record in records]

    def read_photos(self, photos: Sequence[Any], parameters: Any) -> list[PageText]:
        self.read += ["photo"] * len(photos)
        return [text_of(photo) for photo in photos]

    def _one(self, path: str, cache: Store | None) -> PageText:
        page = checked_digest(path)[:DIGITS]
        record = None if cache is None else self._store(cache).finished(page)
        if record is not None:
            return PageText.from_record(record)
        self.read.append(path)
        text = text_of(read_render(path))
        if cache is not None:
            self._store(cache).complete(page, text.to_record())
        return text

    def _store(self, cache: Store) -> Store:
        return Store(cache.root / f"text-{fingerprint(self.facts)}")

    def check(self, parameters: Any) -> None:
        from docsort.errors import InputError

        if self.missing:
            raise InputError(self.missing)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """In place of every engine, in this process."""
    from docsort.reading import kind, model, page_terms

    own = Toy()
    for name in ("read_renders", "read_photos", "known_texts"):
        monkeypatch.setattr(page_terms, name, getattr(own, name))
    monkeypatch.setattr(page_terms, "text_name", lambda parameters: f"text-{fingerprint(own.facts)}")
    for module in (kind, model):
        monkeypatch.setattr(module, "engine_facts", lambda parameters: dict(own.facts))
    monkeypatch.setattr(kind, "check_engine", own.check)
    monkeypatch.setattr(kind, "settle", lambda paths, parameters: parameters.model_copy(update={"language": "latin"}))
    return own


def make_split(folder: Path, cache: Store | None, fold: int = 0) -> Split:
    """Of pages that are clean and worn, at the format of a reader of side SIDE."""
    sources, training, validation = [], [], []
    for number in range(SOURCES):
        target, name, own = TARGETS[number % 3], f"s{number:02}", number // 3 % FOLDS
        facts = (name, f"g{number:02}", target, own, 0, SIDE, False, False)
        sources.append((name, f"g{number:02}", target, own))
        for worn, condition in enumerate(("clean", "test_like")):
            path = str(folder / f"{name}-{worn}.png")
            cv2.imwrite(path, cv2.cvtColor(draw(target, number, bool(worn)), cv2.COLOR_RGB2BGR))
            validation.append((f"{name}~{condition}", *facts, path, condition))
            if not worn:
                training.append((f"{name}~plain-0", *facts, path))
    tables = (
        pd.DataFrame(sources, columns=list(FOLD_TABLE)),
        pd.DataFrame(training, columns=list(RENDERS)),
        pd.DataFrame(validation, columns=list(VALIDATION_RENDERS)),
    )
    return split_fold(fold, *tables, TARGETS, cache)


MakeTask = Callable[..., ReadingTask]


@pytest.fixture
def cache(tmp_path: Path) -> Store:
    return Store(tmp_path / "predictions")


@pytest.fixture
def make_task(toy: Toy, tmp_path: Path, cache: Store) -> MakeTask:
    """The task of a fold with these parameters."""

    def make(fold: int = 0, **changes: Any) -> ReadingTask:
        folder = tmp_path / "pages"
        folder.mkdir(exist_ok=True)
        kind = ReadingKind()
        parameters = kind.Parameters.model_validate({"image_size": 320, **changes})
        split = make_split(folder, cache, fold)
        own = [table.assign(side=320) for table in (split.training, split.validation, split.held_out)]
        split = type(split)(fold, TARGETS, *own, cache=cache)
        return kind.task(f"reading_fold_{fold}", split, parameters, seed=1)

    return make
