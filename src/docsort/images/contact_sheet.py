"""Contact sheets: pictures in a grid, each with a caption."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from docsort.images.fonts import draw_text, text_width

MARGIN = 6
"""Pixels around a picture."""
FONT_SIZE = 11
CAPTION_HEIGHT = 16


def contact_sheet(
    images: Sequence[NDArray[np.uint8]], captions: Sequence[str], columns: int, cell: int = 128
) -> Image.Image:
    """Pictures (H, W, 3) row by row, scaled to fit a cell of `cell` pixels, captions below, cut to the cell's width."""
    rows = max(1, -(-len(images) // columns))
    width, height = cell + MARGIN, cell + CAPTION_HEIGHT + MARGIN
    sheet = Image.new("RGB", (columns * width + MARGIN, rows * height + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        left, top = MARGIN + column * width, MARGIN + row * height
        picture = Image.fromarray(np.ascontiguousarray(image))
        picture.thumbnail((cell, cell))
        sheet.paste(picture, (left + (cell - picture.width) // 2, top + (cell - picture.height) // 2))
        draw_text(draw, (left, top + cell + 2), _cut(caption, cell), FONT_SIZE, "black")
        draw.rectangle((left - 1, top - 1, left + cell, top + cell), outline="#dddddd")
    return sheet


def _cut(text: str, width: int) -> str:
    if text_width(text, FONT_SIZE) <= width:
        return text
    while text and text_width(text + "…", FONT_SIZE) > width:
        text = text[:-1]
    return text + "…"
