"""Where the terms of pages come from: what is cached of their text, or what an engine reads.

Where text may be kept, that is cached, see `reading.reader`; where not, it is the hashed terms alone, of each page and
of the worn copies of its text. Neither is read twice.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from docsort.members.cache import page_keys
from docsort.reading.parameters import EngineParameters
from docsort.reading.reader import known_texts, read_photos, read_renders, text_name
from docsort.reading.terms import TERMS_VERSION, PageTerms, Wanted, terms_of
from docsort.reading.text import PageText
from docsort.reading.wear import worn
from docsort.seeding import derive_rng
from docsort.stores import Store, fingerprint

_one_at_a_time = threading.Lock()

Terms = list[PageTerms]


@dataclass(frozen=True)
class Reading:
    """How pages become terms. engine: with its language named. copies: worn copies of each text; seed: of these."""

    engine: EngineParameters
    wanted: Wanted
    copies: int
    seed: int

    def of_renders(self, paths: Sequence[str], cache: Store | None) -> list[Terms]:
        """The terms of each render, in their order, and of the worn copies of its text. In the main process; workers
        read. Raises what `read_renders` raises.
        """
        pages = page_keys(paths).tolist()
        if not self.wanted.key:
            texts = read_renders(paths, self.engine, cache)
            return [self._terms(text, page) for text, page in zip(texts, pages, strict=True)]
        with _one_at_a_time:  # folds that ask for the same pages
            by_page = self._hashed(dict(zip(pages, paths, strict=True)), self._store(cache))
        return [by_page[page] for page in pages]

    def known(self, paths: Sequence[str], cache: Store | None) -> list[PageTerms | None]:
        """The terms of those renders that have been read before."""
        if cache is None:
            return [None] * len(paths)
        if self.wanted.key:
            store = self._store(cache)
            found = [_look_up(page, store) for page in page_keys(paths).tolist()]
            return [terms[0] if terms else None for terms in found]
        texts = known_texts(paths, self.engine, cache)
        return [None if text is None else terms_of(text, self.wanted) for text in texts]

    def of_photos(self, photos: Sequence[NDArray[np.uint8]]) -> Terms:
        """The terms of pages (H, W, 3) uint8 RGB; nothing is cached."""
        return [terms_of(text, self.wanted) for text in read_photos(photos, self.engine)]

    def name(self) -> str:
        """What the terms of a page depend on beside the page: the name of the folder in the cache."""
        titles = {str(target): list(words) for target, words in self.wanted.titles.items()}
        own = (TERMS_VERSION, text_name(self.engine), titles, self.wanted.key, self.copies, self.seed)
        return f"terms-{fingerprint(*own)}"

    def _terms(self, text: PageText, page: str) -> Terms:
        rngs = (derive_rng(self.seed, "worn text", page, copy) for copy in range(self.copies if text.lines else 0))
        return [terms_of(each, self.wanted) for each in (text, *(worn(text, rng) for rng in rngs))]

    def _hashed(self, paths: Mapping[str, str], store: Store | None) -> dict[str, Terms]:
        """By page; what was read is seen here and nowhere else."""
        found = {page: _look_up(page, store) for page in paths}
        missing = [page for page, terms in found.items() if not terms]
        texts = read_renders([paths[page] for page in missing], self.engine, None) if missing else []
        for page, text in zip(missing, texts, strict=True):
            found[page] = self._terms(text, page)
            if store is not None and not text.problem:
                store.complete(page, {"terms": [each.to_record() for each in found[page]]})
        return found

    def _store(self, cache: Store | None) -> Store | None:
        return None if cache is None else Store(cache.root / self.name())


def _look_up(page: str, store: Store | None) -> Terms:
    """Empty for what is not there."""
    record = None if store is None else store.finished(page)
    return [] if record is None else [PageTerms.from_record(own) for own in record["terms"]]
