"""Answers on drawn pages as `docsort predict` writes them: twenty unsure ones, a fax of two, a copy, and others."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image
from reviewed_job import CLASSES, draw_photos

from docsort.ingestion.pages import page_digest
from docsort.ingestion.reviewed_pages import find_pages
from docsort.reviewing.answer_cards import AnswerReview, make_answer_cards, open_ledger
from docsort.stores import Store
from docsort.tables import ANSWERS

UNSURE = 20
COLUMNS = ["page", "file", "sha256", "ensemble", *ANSWERS[1:], "p_3", "p_7", "p_14"]


@dataclass(frozen=True)
class AnswerJob:
    """A review of answers: its answers, where the pages can be seen, by SHA-256, and its ledger."""

    answers: pd.DataFrame
    paths: dict[str, str]
    ledger_path: Path

    def review(self) -> AnswerReview:
        return AnswerReview(make_answer_cards(self.answers), CLASSES, open_ledger(self.ledger_path), "Ann")


def draw_answers(folder: Path) -> pd.DataFrame:
    """In the order that they were answered, which is not that of confidence; photos in `folder`."""
    photos = draw_photos(folder)
    rows = []
    for number, path in enumerate(photos["path"].head(UNSURE + 2)):
        confidence = 0.5 + ((number * 7) % UNSURE) / 100 if number < UNSURE else 0.99
        why = f"confidence {confidence:.3f} below 0.900" if number < UNSURE else ""
        rows.append(_row(Path(path).name, path, path, 3, confidence, why))
    copy = folder / "copy of page_00.jpg"
    copy.write_bytes(Path(photos["path"][0]).read_bytes())
    rows.append(_row(copy.name, str(copy), str(copy), 3, 0.5, "confidence 0.500 below 0.900"))
    pages = [Image.open(path).resize((200, 300)) for path in photos["path"].tail(2)]
    pages[0].save(folder / "fax.tif", save_all=True, append_images=pages[1:])
    found = find_pages([str(folder / "fax.tif")], Store(folder / "store")).values()
    for number, picture in enumerate(sorted(path for path in found if "store" in path), start=1):
        rows.append(_row(f"fax.tif#{number}", str(folder / "fax.tif"), picture, 7, 0.4, "confidence 0.400 below 0.900"))
    (folder / "broken.jpg").write_bytes(b"no photo")
    broken = str(folder / "broken.jpg")
    rows.append([*_row("broken.jpg", broken, broken, 3, 0.0, "unreadable: no photo")[:-3], None, None, None])
    return pd.DataFrame(rows, columns=COLUMNS).astype({"p_3": float, "p_7": float, "p_14": float})


def _row(page: str, file: str, picture: str, target: int, confidence: float, why: str) -> list[object]:
    name = dict(zip(CLASSES["target"], CLASSES["class_name"], strict=True))[target]
    others = [round((1 - confidence) * share, 6) for share in (0.3, 0.7)]
    guesses = [others.pop() if each != target else confidence for each in (3, 7, 14)]
    return [page, file, page_digest(picture), "f1ngerprint", target, name, confidence, why != "", why, 0.5, *guesses]
