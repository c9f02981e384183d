"""Pages read by an engine: in worker processes, once each, and at the cost of one page where a page takes for ever or
kills its engine.

Legend of shapes: N pages, H, W a page as it came.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.chunks import chunks
from docsort.errors import listing
from docsort.members.cache import DIGITS
from docsort.members.pages import read_render
from docsort.reading.engines import LIBRARIES, Engine, choose, languages, model_files, open_engine
from docsort.reading.page_reader import READING_VERSION, read_page
from docsort.reading.parameters import AUTO, EngineParameters
from docsort.reading.tesseract import ENGLISH
from docsort.reading.text import PageText
from docsort.stores import Store, checked_digest, file_digest, fingerprint
from docsort.versions import versions_of
from docsort.work.survival import computing_limit, map_surviving

CHUNK = 8
"""Pages that a worker is given at a time."""

ASKED_PAGES, ASKED_LINES = 6, 6
"""Pages, and lines of each, by which the language is found."""

Image = NDArray[np.uint8]
Open = Callable[[EngineParameters], Engine]
P = TypeVar("P", bound=EngineParameters)
logger = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()
_unread: dict[tuple[str, str], PageText] = {}
"""What ended its worker in this run, by the name of the cache and the page's digest."""


def check_engine(parameters: EngineParameters) -> None:
    """Raises InputError, one sentence, where no engine is installed, or the language has no data. Reads nothing."""
    choose(parameters.engine, parameters.language)


def settle(paths: Sequence[str], parameters: P) -> P:
    """The same parameters with the engine and the language named, which the other functions want.

    A language of `auto` is found out on some of these renders, see `find_language`. Raises InputError as
    `check_engine` does.
    """
    check_engine(parameters)
    language = find_language(paths, parameters) if parameters.language == AUTO else parameters.language
    return parameters.model_copy(update={"language": language, "engine": choose(parameters.engine, language)})


def find_language(paths: Sequence[str], parameters: EngineParameters) -> str:
    """The language, of those whose data are there, in which some of these pages are read most confidently.

    Which ones is drawn by their content: the folds, which share most of their pages, ask nearly the same.
    """
    some = sorted(paths, key=checked_digest)[:ASKED_PAGES]
    candidates = [language for language in languages(parameters.engine) if language != ENGLISH]
    if len(candidates) == 1 or not some:
        return candidates[0]
    scores = {}
    for language in candidates:
        own = {"language": language, "engine": choose(parameters.engine, language), "lines": ASKED_LINES}
        scores[language] = mean_confidence(read_renders(some, parameters.model_copy(update=own), None))
    best = max(candidates, key=lambda language: scores[language])
    told = ", ".join(f"{language} {score:.2f}" for language, score in scores.items())
    logger.info("Language of the pages: %s (mean confidence of %s)", best, told)
    return best


def mean_confidence(texts: Sequence[PageText]) -> float:
    """Of the letters that were read, in [0, 1]; 0 where there are none."""
    lines = [line for text in texts for line in text.lines]
    letters = sum(len(line.text) for line in lines)
    return sum(line.confidence * len(line.text) for line in lines) / letters if letters else 0.0


def engine_facts(parameters: EngineParameters) -> dict[str, Any]:
    """What decides what is read, beside the page: `engine`, `language`, `lines`, `versions` of packages, `models`
    (SHA-256 by name of file), `procedure` (its version).

    Raises InputError as `check_engine` does; ValueError where the language is still to be found out.
    """
    if parameters.language == AUTO:
        raise ValueError("Expected the language to be named; `settle` finds it.")
    named = settle((), parameters)
    return {
        "engine": named.engine,
        "language": named.language,
        "lines": named.lines,
        "versions": versions_of([*LIBRARIES[named.engine].PACKAGES, "opencv-python-headless"]),
        "models": {path.name: file_digest(str(path)) for path in model_files(named)},
        "procedure": READING_VERSION,
    }


def read_renders(
    paths: Sequence[str], parameters: EngineParameters, cache: Store | None, opener: Open = open_engine
) -> list[PageText]:
    """What the renders say, in their order. Workers read.

    Each page is read once, however many folds ask: those that ask at the same time wait for each other. cache: a piece
    for each page, by its content and `engine_facts`; written page by page, so that a run that was killed goes on. A
    page that takes longer than `seconds`, or kills its engine, has a `problem`; that is not cached, and the next run of
    the program tries it again. opener: gives the engine, in the worker; a function of a module. Raises InputError as
    `check_engine` does, and StorageError for a damaged render.
    """
    with _one_at_a_time:
        name = text_name(parameters)
        named, store = settle((), parameters), None if cache is None else Store(cache.root / name)
        digests = [checked_digest(path)[:DIGITS] for path in paths]
        found = {digest: _known(name, digest, store) for digest in dict.fromkeys(digests)}
        missing = {digest: path for digest, path in zip(digests, paths, strict=True) if found[digest] is None}
        if missing:
            tasks = [(path, digest, named, store, opener) for digest, path in missing.items()]
            read = dict(zip(missing, map_surviving(_read_render, tasks, CHUNK, _ended), strict=True))
            _unread.update({(name, digest): text for digest, text in read.items() if text.problem})
            found |= read
            _log_problems(read.values())
            logger.info("Read %d pages by %s, language %s", len(missing), named.engine, named.language)
    return [found[digest] or PageText() for digest in digests]


def known_texts(paths: Sequence[str], parameters: EngineParameters, cache: Store) -> list[PageText | None]:
    """Those of the texts that are cached, in the renders' order. In any process; nothing is read."""
    name = text_name(parameters)
    return [_known(name, checked_digest(path)[:DIGITS], Store(cache.root / name)) for path in paths]


def text_name(parameters: EngineParameters) -> str:
    """What a page's text depends on beside the page: the name of the folder in the cache."""
    return f"text-{fingerprint(engine_facts(parameters))}"


def read_photos(photos: Sequence[Image], parameters: EngineParameters, opener: Open = open_engine) -> list[PageText]:
    """The same of pages (H, W, 3) uint8 RGB, for a member in any process. Nothing is cached.

    A process of its own reads them, also where this one is a worker, so that a page costs no more than itself here,
    too; one at a time, because the other cores have the other workers.
    """
    named = settle((), parameters)
    texts: list[PageText] = []
    for part in chunks(list(photos), CHUNK):
        texts += map_surviving(_read_photo, [(photo, named, opener) for photo in part], CHUNK, _ended)
    _log_problems(texts)
    return texts


def _known(name: str, digest: str, store: Store | None) -> PageText | None:
    record = None if store is None else store.finished(digest)
    return _unread.get((name, digest)) if record is None else PageText.from_record(record)


def _read_render(path: str, digest: str, parameters: EngineParameters, store: Store | None, opener: Open) -> PageText:
    """In a worker. What one that died had read before it is not read again."""
    record = None if store is None else store.finished(digest)
    if record is not None:
        return PageText.from_record(record)
    text = _read_photo(read_render(path), parameters, opener)
    if store is not None and not text.problem:
        store.complete(digest, text.to_record())
    return text


def _read_photo(photo: Image, parameters: EngineParameters, opener: Open) -> PageText:
    """In a worker, which ends where this computes for too long."""
    engine = opener(parameters)
    cv2.setNumThreads(1)
    try:
        with computing_limit(parameters.seconds):
            return read_page(photo, engine, parameters.lines)
    except Exception as error:  # the engine's own, about this page
        return PageText(problem=f"the engine failed ({type(error).__name__}: {error})")


def _ended(page: str | Image, *rest: Any) -> PageText:
    parameters = next(each for each in rest if isinstance(each, EngineParameters))
    return PageText(
        problem=f"reading it ended its worker, for want of memory or after {parameters.seconds} seconds of computing"
    )


def _log_problems(texts: Iterable[PageText]) -> None:
    problems = [text.problem for text in texts if text.problem]
    if problems:
        logger.warning("Could not read %d pages: %s", len(problems), listing(dict.fromkeys(problems), 3))
