"""Text as a worn page would have given it: lines lost, letters wrong. Costs no reading."""

import numpy as np

from docsort.reading.text import PageText, TextLine

LOST, WRONG = 0.7, 0.2
"""Shares of the lines that are lost, and of the letters that are wrong, at most; each page draws its own."""

DROPPED = 0.3
"""Share of the wrong letters that are missing; the others are another letter of the page."""


def worn(text: PageText, rng: np.random.Generator) -> PageText:
    """The page with fewer lines, one at least, and other letters in them; sizes and places stay."""
    lost, wrong = rng.uniform(0, LOST), rng.uniform(0, WRONG)
    letters = [letter for line in text.lines for letter in line.text]
    left = [line for line in text.lines if rng.random() >= lost] or list(text.lines[:1])
    lines = [TextLine(_misread(line.text, letters, wrong, rng), line.confidence, line.box, line.size) for line in left]
    return PageText(tuple(line for line in lines if line.text), text.turn)


def _misread(line: str, letters: list[str], wrong: float, rng: np.random.Generator) -> str:
    hit, dropped = rng.random(len(line)) < wrong, rng.random(len(line)) < DROPPED
    others = rng.integers(0, len(letters), len(line))
    drawn = zip(line, hit.tolist(), dropped.tolist(), others.tolist(), strict=True)
    return "".join(
        letter if not is_hit else "" if is_gone else letters[other] for letter, is_hit, is_gone, other in drawn
    )
