"""Pages with words on them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from docsort.images.fonts import draw_text

TITLE = "MEDICAL DIAGNOSIS"
LINES = ("Patient  Kim Seojun  1984-03-12", "Disease  Acute gastritis  K29.1", "Hanbit Hospital, Seoul")
KOREAN_LINES = ("환자 성명  김서준", "위와 같이 진단함  2023년 4월 5일")

PLACE = (80, 90)
"""Where the title begins, pixels from left and top."""


def draw_words(
    title: str = TITLE, lines: tuple[str, ...] = LINES, width: int = 700, height: int = 900
) -> NDArray[np.uint8]:
    """White paper (H, W, 3) with a large title and smaller lines below it."""
    paper = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(paper)
    draw_text(draw, PLACE, title, 48, "black")
    for number, line in enumerate(lines):
        draw_text(draw, (PLACE[0], 300 + 90 * number), line, 28, "black")
    return np.array(paper)
