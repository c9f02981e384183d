"""Drawn photos of two classes with hostile names, suspects among them, and a ledger that a person has begun."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from docsort.cleaning.ledger import full_ids
from docsort.images.measures import measure_images
from docsort.reviewing.cards import Card
from docsort.reviewing.decisions import LedgerFile
from docsort.reviewing.review import Review
from docsort.tables import LABEL_NEIGHBOURS, LABEL_SUSPECTS, LEDGER, PHOTOS

HOSTILE = "<script>document.title='owned'</script>"
CLASSES = pd.DataFrame({"target": [3, 7, 14], "class_name": ["admission", HOSTILE, 'o"pinion & more']})
PAGES = 24
HEADER = ",".join(LEDGER)

HAND_WRITTEN = (
    f"{HEADER}\n"
    'page_23,  relabel ,3,14,"said, by two\nreaders",they read it,A. Reader,2026-11-02\n'
    "page_20.jpg,undecided,,,cropped  ,,A. Reader,2026-11-02\n"
)
"""Not sorted, ids without extension, blanks, a line break in a cell: as people and spreadsheets write."""


@dataclass(frozen=True)
class Job:
    """Everything a review starts from."""

    cards: list[Card]
    images: pd.DataFrame
    ledger_path: Path

    @property
    def train(self) -> pd.DataFrame:
        return self.images[self.images["split"] == "train"]

    @property
    def paths(self) -> dict[str, str]:
        return dict(zip(self.train["image_id"], self.train["path"], strict=True))

    def ledger(self) -> LedgerFile:
        return LedgerFile(self.ledger_path, full_ids(self.train))

    def review(self, name: str = "Ann") -> Review:
        return Review(self.cards, CLASSES, self.ledger(), name)


def page_id(number: int) -> str:
    return f"page_{number:02}.jpg"


def draw_photos(folder: Path) -> pd.DataFrame:
    """PAGES training photos and a test photo, labelled 3; table IMAGES."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(PAGES + 1):
        split = "train" if number < PAGES else "test"
        path = folder / (page_id(number) if split == "train" else "secret_test.jpg")
        Image.fromarray(rng.integers(0, 255, (60, 40, 3), dtype=np.uint8)).resize((400, 600)).save(path)
        rows.append((path.name, split, str(path), 3 if split == "train" else None, number))
    return measure_images(pd.DataFrame(rows, columns=list(PHOTOS)).astype({"target": "Int64"}))[0]


def draw_suspects() -> pd.DataFrame:
    """Twenty suspects, the most suspicious first; one of near-duplicates alone."""
    rows = [
        (page_id(k), 3, 7, 0.9 - k / 100, 0.1, 0.8, f"near-duplicate {page_id(k + 1)} is labelled 7; {HOSTILE}")
        for k in range(19)
    ]
    rows.append((page_id(19), 3, 14, 0.5, np.nan, np.nan, "unseen by the model: 14 at 0.70, 3 at 0.20"))
    return pd.DataFrame(rows, columns=list(LABEL_SUSPECTS))


def draw_neighbours() -> pd.DataFrame:
    rows = [(page_id(k), label, rank, page_id((k + rank + 1) % PAGES), 0.9 - rank / 10)
            for k in range(20) for label in (7, 3) for rank in (1, 0)]  # fmt: skip
    return pd.DataFrame(rows, columns=list(LABEL_NEIGHBOURS))


def serve_job(job: Job, port: int, started: Any) -> None:
    """Serves the job's page for good; puts the URL into the queue `started`."""
    from docsort.reviewing.server import serve

    serve(job.review(), job.paths, port, started.put)


def serve_impatiently(job: Job, patience: float, started: Any, log: Path) -> None:
    """The same at any free port, with so many seconds for clients that hang; what the server says goes to the log."""
    from docsort.web import clients

    clients.PATIENCE_SECONDS = patience
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    serve_job(job, 0, started)
