"""The most novel test pages in pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from docsort.reporting.novel_pages import CELL, draw_novel_pages


def test_the_most_novel_come_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    rows = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.full((30, 30, 3), 40 * number, dtype=np.uint8)).save(path)
        rows.append((f"{number}.jpg", str(path)))
    images = pd.DataFrame(rows, columns=["image_id", "path"])
    answers = images[["image_id"]].assign(
        target=0, class_name="a", confidence=1.0, needs_review=False, why="", novelty=[0.1, 0.9, 0.5, 1.0, 0.0]
    )
    picture = draw_novel_pages(answers, images, 3)
    greys = [picture.getpixel((6 + place * (CELL + 6) + CELL // 2, CELL // 2))[0] for place in range(4)]
    assert greys == [120, 40, 80, 255]
    assert draw_novel_pages(answers, images, 0).getextrema() == ((255, 255),) * 3
