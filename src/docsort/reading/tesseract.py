"""Tesseract 5 reads single lines that RapidOCR's detector has found: its own page mode finds none on slanted pages.

Source: Smith, "An overview of the Tesseract OCR engine", ICDAR 2007; its line reader of today is an LSTM. The package
`tesserocr` has the engine, the system's packages or any folder of tessdata the languages.

Legend of shapes: h, w a line.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from docsort.reading import rapid
from docsort.reading.parameters import LATIN

PACKAGES = ("tesserocr", *rapid.PACKAGES)
FOLDERS = (
    "/usr/share/tesseract-ocr/*/tessdata",
    "/usr/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
)
"""Where systems put the data of languages; TESSDATA_PREFIX comes first."""

NO_LANGUAGES = ("osd", "equ")
"""Data for the orientation of a page, and for formulas."""

ENGLISH = "eng"
"""What reads `latin`."""

Image = NDArray[np.uint8]


def languages() -> list[str]:
    """Those whose data are there, as Tesseract calls them, and `latin` for English; none where a package is missing."""
    folder = tessdata()
    if folder is None or not rapid.languages() or find_spec("tesserocr") is None:
        return []
    found = sorted({file.stem for file in folder.glob("*.traineddata")} - set(NO_LANGUAGES))
    return [LATIN, *found] if ENGLISH in found else found


def model_files(language: str) -> list[Path]:
    """The detector's, and the data of each language."""
    folder = tessdata() or Path()
    return [rapid.model_files(LATIN)[0], *(folder / f"{name}.traineddata" for name in _own(language).split("+"))]


def advice(language: str) -> str:
    """What to do for a language that it lacks."""
    if find_spec("tesserocr") is None or not rapid.languages():
        return "install docsort[reading]"
    return (
        f"install the package tesseract-ocr-{_own(language)}, or set TESSDATA_PREFIX to a folder with its .traineddata"
    )


def tessdata() -> Path | None:
    """The folder with the data of languages; None where there is none."""
    named = os.environ.get("TESSDATA_PREFIX")
    if named:
        return Path(named)
    return next((found for pattern in FOLDERS for found in sorted(Path("/").glob(pattern[1:]), reverse=True)), None)


class TesseractEngine(rapid.RapidDetector):
    """Finds lines as RapidOCR does, and reads them, in about .02 CPU-seconds each."""

    def __init__(self, language: str) -> None:
        import tesserocr

        super().__init__()
        self._api = tesserocr.PyTessBaseAPI(
            path=str(tessdata()), lang=_own(language), psm=tesserocr.PSM.SINGLE_LINE, oem=tesserocr.OEM.LSTM_ONLY
        )

    def recognise(self, lines: Sequence[Image]) -> list[tuple[str, float]]:
        """See `engines.Engine`."""
        return [self._recognise(line) for line in lines]

    def _recognise(self, line: Image) -> tuple[str, float]:
        self._api.SetImage(Pictures.fromarray(line))
        text = self._api.GetUTF8Text().strip()
        return text, self._api.MeanTextConf() / 100 if text else 0.0


open_engine = TesseractEngine


def _own(language: str) -> str:
    return "+".join(ENGLISH if name == LATIN else name for name in language.split("+"))
