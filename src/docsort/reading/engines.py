"""What reads: an engine with the data of a language, opened once a process.

Legend of shapes: H, W a page, h, w a line that was cut straight, B boxes.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from docsort.errors import InputError, listing
from docsort.reading import rapid, tesseract
from docsort.reading.parameters import AUTO, RAPIDOCR, TESSERACT, EngineParameters

Image = NDArray[np.uint8]

LIBRARIES: dict[str, ModuleType] = {RAPIDOCR: rapid, TESSERACT: tesseract}
"""By name, in the order in which they are taken. Each has PACKAGES, without which it has no languages(), the
model_files(language), open_engine(language), and advice(language): what to do for one that it lacks."""


class Engine(Protocol):
    """Finds and reads lines. The same picture gets the same answer, bit for bit, whatever was read before."""

    def detect(self, page: Image) -> NDArray[np.float32]:
        """(B, 4, 2) corners (x, y), in pixels of a page (H, W, 3) RGB, in the order of going around; B may be 0."""
        ...

    def recognise(self, lines: Sequence[Image]) -> list[tuple[str, float]]:
        """Text and confidence in [0, 1] of each line (h, w, 3) RGB that lies straight; "" where there is none."""
        ...


def languages(engine: str) -> list[str]:
    """Those that the engine, or any where it is `auto`, has data of; the usual ones first."""
    return list(dict.fromkeys(language for name in _names(engine) for language in LIBRARIES[name].languages()))


def choose(engine: str, language: str) -> str:
    """The engine that reads a language, or `auto` for any of its own. Raises InputError where there is none."""
    names, wanted = _names(engine), set() if language == AUTO else set(language.split("+"))
    fitting = [name for name in names if (there := LIBRARIES[name].languages()) and wanted <= set(there)]
    if fitting:
        return fitting[0]
    advice = ", or ".join(dict.fromkeys(LIBRARIES[name].advice(language) for name in names))
    there = languages(engine)
    raise InputError(
        f"Expected `language` {language} to be one that {' or '.join(names)} can read here, but there is "
        f"{f'only {listing(there)}' if there else 'no such engine'}; {advice}."
    )


def model_files(parameters: EngineParameters) -> list[Path]:
    """The files of the models that an engine, named in the parameters as its language is, reads with."""
    files: list[Path] = LIBRARIES[parameters.engine].model_files(parameters.language)
    return files


def open_engine(parameters: EngineParameters) -> Engine:
    """The same engine for the same parameters, for as long as the process lives."""
    return _open(parameters.engine, parameters.language)


@lru_cache(maxsize=2)
def _open(engine: str, language: str) -> Engine:
    opened: Engine = LIBRARIES[engine].open_engine(language)
    return opened


def _names(engine: str) -> list[str]:
    return list(LIBRARIES) if engine == AUTO else [engine]
