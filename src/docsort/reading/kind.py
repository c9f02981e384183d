"""The kind of member `reading`: a classifier of the words on a page.

Light: this module runs in the main process and imports neither an engine nor scikit-learn.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from docsort.errors import InputError, listing
from docsort.labels import find_target
from docsort.members.checkpoints import Checkpoint
from docsort.members.member import Kind, Member, MemberParameters, Task
from docsort.members.splits import Split
from docsort.reading.classifier import Known, learn
from docsort.reading.model import ARRAYS_FILE, FACTS_FILE, Facts, ReadingMember, read_facts, save_reader
from docsort.reading.page_terms import Reading, Terms
from docsort.reading.parameters import READING, EngineParameters, ReadingParameters
from docsort.reading.reader import check_engine, engine_facts, settle
from docsort.reading.terms import TERMS_VERSION, Wanted
from docsort.seeding import derive_rng, derive_seed
from docsort.stores import fingerprint
from docsort.work.executor import Lease

LEARNING_VERSION = 1
"""Part of every key: raise it when the same text would give another model, so that old ones no longer count."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ReadingTask(Task):
    """known: the pages that are learnt; facts: what the member must know beside what it learns of them."""

    parameters: ReadingParameters
    known: Known
    facts: Facts

    def check(self) -> None:
        """Raises InputError for a task without text of two classes."""
        readable = np.array([bool(page.counts) for page in self.known.pages], dtype=bool)
        classes = len(np.unique(self.known.labels[readable]))
        if classes < 2:
            raise InputError(
                f"Expected text on pages of two classes at least to make {self.name}, but {int(readable.sum())} of "
                f"{len(readable)} pages have any, of {classes}; check `language`, or set enabled to false for this "
                "member."
            )

    def key(self) -> str:
        known = self.known
        read = [page.to_record() for page in np.array(known.pages, dtype=object)[known.as_read]]
        arrays = [array.tobytes() for array in (known.labels, known.folds, known.test_like, known.as_read)]
        versions = (LEARNING_VERSION, TERMS_VERSION, self.facts.engine)
        return fingerprint(
            versions, self.name, list(self.targets), self.seed, self.parameters.deciding(), read, *arrays
        )

    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        """Learns; the record has how many pages and terms, and what read them."""
        with threadpool_limits(limits=1):  # the same bits on any machine with as many cores as it likes
            classifier, strength = learn(self.known, len(self.targets), derive_seed(self.seed, "reading", self.name))
        save_reader(classifier, self.facts, folder)
        pages, terms = int(self.known.as_read.sum()), len(classifier.lexicon.terms)
        logger.info("%s: learnt %d pages, %d terms", self.name, pages, terms)
        return {"pages": pages, "terms": terms, "strength": strength, "engine": self.facts.engine}


class ReadingKind(Kind):
    """Logistic regression on the character n-grams that an engine has read."""

    name = READING
    Parameters: ClassVar[type[MemberParameters]] = ReadingParameters
    equivariant = True
    no_graph = "read a page by an engine for text, and what it finds is no tensor"
    files: ClassVar[Sequence[str]] = (ARRAYS_FILE, FACTS_FILE)

    def task(self, name: str, split: Split, parameters: Any, seed: int) -> ReadingTask:
        """Reads the pages first, in the workers."""
        own = split.at(parameters.page_format)
        renders = pages_to_learn(own, parameters, seed)
        paths = renders["path"].astype(str).tolist()
        engine = settle(
            paths, EngineParameters(**{each: getattr(parameters, each) for each in EngineParameters.model_fields})
        )
        key = "" if parameters.keep_text else f"{derive_seed(seed, 'hashed terms'):x}"
        titles = {target: parameters.titles.get(target, ()) for target in split.targets if target in parameters.titles}
        reading = Reading(engine, Wanted(titles, key), parameters.worn_copies, seed)
        known = known_of(own, renders, reading.of_renders(paths, own.cache))
        facts = Facts(own.targets, parameters.page_format, reading, engine_facts(engine))
        return ReadingTask(name, self.name, own, parameters, seed, known, facts)

    def check(self, parameters: Any) -> None:
        """Raises InputError where there is no engine that reads the language."""
        check_engine(parameters)

    def left_out(self, parameters: Any) -> str:
        if not parameters.optional:
            return ""
        try:
            check_engine(parameters)
        except InputError as error:
            return str(error)
        return ""

    def named(self, parameters: Any, classes: pd.DataFrame) -> Any:
        titles: dict[int, tuple[str, ...]] = {}
        unknown = []
        for name, words in parameters.titles.items():
            target = find_target(classes, name)
            if target is None:
                unknown.append(str(name))
            else:
                titles[target] = (*titles.get(target, ()), *words)
        if unknown:
            there = (f"{row.target} {row.class_name}" for row in classes.itertuples())
            raise InputError(
                f"Expected `titles` of a reading member to name classes of the data, but got {listing(unknown)}; the "
                f"classes are: {listing(there, limit=20)}."
            )
        return parameters.model_copy(update={"titles": titles})

    def targets(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        return read_facts(checkpoint.folder)[0].targets

    def load(self, checkpoint: Checkpoint, device: str) -> Member:
        return ReadingMember(checkpoint.folder)


def pages_to_learn(split: Split, parameters: ReadingParameters, seed: int) -> pd.DataFrame:
    """The clean pages of the folds that are learnt, and a share of their test-like pages."""
    worn = split.damaged
    drawn = [derive_rng(seed, "test-like pages to read", name).random() for name in worn["render_id"]]
    parts = [
        split.validation[split.validation["condition"] == "clean"],
        worn[np.array(drawn, dtype=float) < parameters.damaged],
    ]
    return pd.concat(parts, ignore_index=True)


def known_of(split: Split, renders: pd.DataFrame, terms: Sequence[Terms]) -> Known:
    """The pages and the worn copies of their text, with labels from 0 on, in the order of the targets."""
    rows = np.repeat(np.arange(len(renders)), [len(own) for own in terms])
    as_read = np.diff(rows, prepend=-1) > 0
    labels = np.searchsorted(split.targets, renders["label"].to_numpy(dtype=np.int64)).astype(np.int64)
    test_like = (renders["condition"] == "test_like").to_numpy(bool)
    folds = renders["fold"].to_numpy(dtype=np.int64)
    pages = [page for own in terms for page in own]
    return Known(pages, labels[rows], folds[rows], test_like[rows] & as_read, as_read)
