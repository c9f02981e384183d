"""A reader on disk, as plain arrays and a JSON, and asked about pages.

Legend of shapes: C classes, P numbers of a page, see `reading.classifier`.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from docsort.arrays import read_arrays, write_arrays
from docsort.chunks import chunks
from docsort.errors import InputError, WeightsError, listing
from docsort.files import write_atomically
from docsort.images.page_format import PageFormat
from docsort.members.member import Answers
from docsort.members.pages import Pages, RenderPages
from docsort.members.views import ViewPolicy
from docsort.reading.classifier import Lexicon, TextClassifier
from docsort.reading.page_terms import Reading, Terms
from docsort.reading.parameters import EngineParameters
from docsort.reading.reader import engine_facts
from docsort.reading.terms import PageTerms, Wanted
from docsort.stores import read_checked
from docsort.work.channel import report
from docsort.work.progress import PagesPredicted

ARRAYS_FILE, FACTS_FILE = "reading.safetensors", "reading.json"
ARRAYS = ("rarity", "weights", "bias", "shares")
SAME = ("engine", "language", "lines", "models", "procedure")
"""Of what `engine_facts` says: what must be as it was when the member learnt."""

READ = 16
"""Pages held as pixels at a time."""


@dataclass(frozen=True)
class Facts:
    """targets: class numbers of the outputs; page_format: of the pages that are read; reading: how they become terms;
    engine: what `engine_facts` said when they were learnt."""

    targets: tuple[int, ...]
    page_format: PageFormat
    reading: Reading
    engine: dict[str, Any]


def save_reader(classifier: TextClassifier, facts: Facts, folder: Path) -> None:
    """Writes both files; nothing in them is code."""
    own = {name: getattr(classifier, name) for name in ARRAYS[1:]}
    write_arrays(folder / ARRAYS_FILE, {"rarity": classifier.lexicon.rarity, **own})
    reading = facts.reading
    values = {
        "targets": facts.targets,
        "page_format": asdict(facts.page_format),
        "reads": reading.engine.model_dump(mode="json"),
        "titles": {str(target): list(words) for target, words in reading.wanted.titles.items()},
        "key": reading.wanted.key,
        "copies": reading.copies,
        "seed": reading.seed,
        "engine": facts.engine,
        "terms": classifier.lexicon.terms,
    }
    write_atomically(folder / FACTS_FILE, (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode())


def read_facts(folder: Path) -> tuple[Facts, tuple[str, ...]]:
    """Also the terms, in the order of the weights. Raises StorageError where the file is missing or not as it was
    written, WeightsError where it is another."""
    path = folder / FACTS_FILE
    try:
        values: dict[str, Any] = json.loads(read_checked(path))
        titles = {int(target): tuple(words) for target, words in values["titles"].items()}
        engine = EngineParameters.model_validate(values["reads"])
        reading = Reading(engine, Wanted(titles, values["key"]), values["copies"], values["seed"])
        targets = tuple(int(target) for target in values["targets"])
        return Facts(targets, PageFormat(**values["page_format"]), reading, values["engine"]), tuple(values["terms"])
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"Expected {path} to describe a reader, but got {error!r}; train again.") from error


class ReadingMember:
    """Answers by the words on a page; see `members.member.Member`. A page is read as it came, whichever view is asked
    for."""

    def __init__(self, folder: Path) -> None:
        self.facts, terms = read_facts(folder)
        self.targets, self.folder = self.facts.targets, folder
        arrays = read_arrays(folder / ARRAYS_FILE)
        missing = [name for name in ARRAYS if name not in arrays]
        if missing or arrays["rarity"].shape != (len(terms),) or arrays["weights"].shape[1:] != (len(self.targets),):
            raise WeightsError(f"Expected the weights of {len(terms)} terms in {folder}; train again.")
        lexicon = Lexicon(terms, arrays["rarity"])
        self.classifier = TextClassifier(lexicon, *(arrays[name] for name in ARRAYS[1:]))

    def predict(self, pages: Pages, policy: ViewPolicy, known: Answers) -> Answers:
        answers = known.copy()
        missing = np.flatnonzero(np.isnan(known[:, :, 0]).any(axis=1))
        for row, page in zip(missing.tolist(), self._terms(pages, missing.tolist()), strict=True):
            answers[row] = self.classifier.answer(page)
        report(PagesPredicted(len(missing), len(missing)))
        return answers

    def _terms(self, pages: Pages, rows: list[int]) -> Terms:
        """What another fold's member has read of the same pages is taken as it is."""
        if not rows:
            return []
        self._check_engine()
        memory = _read.setdefault(pages, {}).setdefault(self.facts.reading.name(), {})
        new = [row for row in rows if row not in memory]
        if isinstance(pages, RenderPages) and new:
            found = self.facts.reading.known([pages.paths[row] for row in new], pages.cache)
            memory.update({row: terms for row, terms in zip(new, found, strict=True) if terms is not None})
        for part in chunks([row for row in new if row not in memory], READ):
            photos = pages.photos(part, self.facts.page_format)
            memory.update(zip(part, self.facts.reading.of_photos(photos), strict=True))
        return [memory[row] for row in rows]

    def _check_engine(self) -> None:
        """Raises InputError where it would read otherwise than what was learnt."""
        here, learnt = engine_facts(self.facts.reading.engine), self.facts.engine
        other = [name for name in SAME if here[name] != learnt[name]]
        if other:
            packages = ", ".join(f"{name} {version}" for name, version in learnt["versions"].items())
            raise InputError(
                f"Expected {learnt['engine']} to read as it did when the member in {self.folder} learnt, but it has "
                f"other {listing(other)}; install {packages}, with the same models, or train again."
            )


_read: WeakKeyDictionary[Pages, dict[str, dict[int, PageTerms]]] = WeakKeyDictionary()
"""Terms of the pages at hand, by what made them and row: the members of all folds are asked about the same."""
