"""RapidOCR: PP-OCRv6's detector of lines and recogniser, whose models come inside the package, by onnxruntime.

Sources: Cui et al., "PaddleOCR 3.0 technical report", 2025; Liao et al., "Real-time scene text detection with
differentiable binarization", AAAI 2020. Nothing is ever downloaded, because every model is named by its file.

Legend of shapes: H, W a page, h, w a line, B boxes.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from docsort.reading.parameters import LATIN

PACKAGES = ("rapidocr", "onnxruntime")
DETECTOR = "PP-OCRv6_det_small.onnx"
RECOGNISERS = {LATIN: "PP-OCRv6_rec_small.onnx", "kor": "korean_PP-OCRv5_rec_mobile.onnx"}
"""By language. The first comes with the package and reads Chinese and Japanese, too."""

SIDE, ENLARGED = 960, 4
"""Pixels of the longer side at which lines are looked for; a smaller page is enlarged, at most so many times."""

Image = NDArray[np.uint8]


def languages() -> list[str]:
    """Those whose models are there; none where a package is missing."""
    if any(find_spec(package) is None for package in PACKAGES) or not _file(DETECTOR).is_file():
        return []
    return [language for language, name in RECOGNISERS.items() if _file(name).is_file()]


def model_files(language: str) -> list[Path]:
    """The detector's and the recogniser's."""
    return [_file(DETECTOR), _file(RECOGNISERS[language])]


def advice(language: str) -> str:
    """What to do for a language that it lacks."""
    if any(find_spec(package) is None for package in PACKAGES):
        return "install docsort[reading]"
    name = RECOGNISERS.get(language)
    return (
        f"put {name} of RapidOCR's hub into {_file(name).parent} (nothing is downloaded here)"
        if name
        else f"name one of {', '.join(RECOGNISERS)} for rapidocr"
    )


class RapidDetector:
    """Finds lines, in about .3 CPU-seconds a page."""

    def __init__(self) -> None:
        from rapidocr.ch_ppocr_det import TextDetector

        self._find = TextDetector(_config(LATIN).Det)

    def detect(self, page: Image) -> NDArray[np.float32]:
        """See `engines.Engine`."""
        scale = min(SIDE / max(page.shape[:2]), ENLARGED)
        size = max(1, round(page.shape[1] * scale)), max(1, round(page.shape[0] * scale))
        sized = cv2.resize(page, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        boxes = self._find(cv2.cvtColor(sized, cv2.COLOR_RGB2BGR)).boxes
        return np.zeros((0, 4, 2), np.float32) if boxes is None else np.asarray(boxes, np.float32) / np.float32(scale)


class RapidEngine(RapidDetector):
    """Reads lines, too, in about .05 CPU-seconds each."""

    def __init__(self, language: str) -> None:
        from rapidocr.ch_ppocr_rec import TextRecognizer

        super().__init__()
        self._read = TextRecognizer(_config(language).Rec)

    def recognise(self, lines: Sequence[Image]) -> list[tuple[str, float]]:
        """See `engines.Engine`. One at a time: together all would be padded to the longest, and read otherwise."""
        return [self._recognise(line) for line in lines]

    def _recognise(self, line: Image) -> tuple[str, float]:
        from rapidocr.ch_ppocr_rec import TextRecInput

        found = self._read(TextRecInput(img=cv2.cvtColor(line, cv2.COLOR_RGB2BGR), return_word_box=False))
        assert found.txts is not None  # it is asked for one
        assert found.scores is not None
        return found.txts[0].strip(), float(found.scores[0])


open_engine = RapidEngine


def _file(name: str) -> Path:
    """Of a model: where the package has its own, and where its downloads go."""
    spec = find_spec("rapidocr")
    return Path(spec.origin if spec and spec.origin else "rapidocr").parent / "models" / name


def _config(language: str) -> Any:
    """The package's own, at one thread, quiet in the log, and with files for models, so that none is looked for."""
    from rapidocr import RapidOCR

    detector, recogniser = model_files(language)
    config = RapidOCR(
        params={
            "Global.log_level": "error",
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            "Det.model_path": str(detector),
            "Det.limit_type": "max",
            "Det.limit_side_len": SIDE,
            "Rec.model_path": str(recogniser),
            "Rec.rec_keys_path": str(recogniser),  # no list of letters, which a model without its own would download
        }
    ).cfg
    config.Det.engine_cfg = config.Rec.engine_cfg = config.EngineConfig.onnxruntime
    config.Rec.font_path = None
    return config
