"""The sheet a page is drawn on: an image, a pen, and the look that all its parts share.

Lengths and positions are in units of one hundredth of the sheet's width, x to the right and y down from the top left.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from docsort_sample.lettering import HANGUL, LEGIBLE, SMALLEST, line_width, set_line
from docsort_sample.wording import chance, in_hangul, is_hangul, pick

Colour = tuple[int, int, int]

BLACK: Colour = (12, 12, 14)
SEAL_RED: Colour = (196, 38, 44)
_ACCENTS: tuple[Colour, ...] = (
    (30, 60, 120),
    (20, 100, 80),
    (120, 30, 40),
    (70, 50, 120),
    (40, 40, 44),
    (40, 40, 44),
    (0, 110, 150),
)
_PAPERS: tuple[Colour, ...] = ((250, 250, 248), (246, 244, 236), (240, 246, 246), (250, 246, 246), (244, 248, 238))


@dataclass(frozen=True)
class Look:
    """What all parts of one page share: family of type, colours, thickness of rules in pixels."""

    family: str
    ink: Colour
    accent: Colour
    shade: Colour
    paper: Colour
    rule: int
    coloured_rules: bool


@dataclass(frozen=True)
class Variant:
    """How a page departs from what is usual for its class; certificates alone do.

    title_only: its title alone tells its class; hangul: its title and its labels are in Hangul.
    """

    title_only: bool = False
    hangul: bool = False


USUAL = Variant()


def draw_look(rng: np.random.Generator, usual: Colour | None = None) -> Look:
    """A look drawn at random; nine pages in ten keep to the `usual` colour of their kind, where it has one."""
    family = pick(rng, ("sans", "sans", "serif", "stix", "roman", "plain", "aileron", "mono"))
    grey = int(rng.integers(5, 55))
    accent, paper = pick(rng, _ACCENTS), pick(rng, _PAPERS)
    coloured = 0.3
    if usual is not None and chance(rng, 0.9):
        accent, paper, coloured = usual, mix(paper, usual, float(rng.uniform(0.03, 0.16))), 0.7
    strength = float(rng.uniform(0.05, 0.3))
    shade = mix(paper, accent if chance(rng, 0.3 + coloured) else (90, 90, 90), strength)
    return Look(family, (grey, grey, grey + 4), accent, shade, paper, pick(rng, (1, 1, 1, 2)), chance(rng, coloured))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A colour that lies `share` of the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _fitting(words: str, family: str, bold: bool, pixels: int, room: float) -> tuple[str, int]:
    """The words and the size in pixels at which they fit into `room` pixels.

    Where the smallest size is still too wide, the end of the words is left out.
    """
    while pixels > SMALLEST and line_width(words, family, bold, pixels) > room:
        pixels -= 1
    while len(words) > 1 and line_width(words, family, bold, pixels) > room:
        words = words[:-1]
    return words, pixels


class Sheet:
    """An RGB image being drawn upon, with its own generator and look."""

    def __init__(self, width: int, height: int, rng: np.random.Generator, look: Look, variant: Variant = USUAL) -> None:
        self.rng = rng
        self.look = look
        self.variant = variant
        self.unit = width / 100
        self.height = height / self.unit
        self.image = Image.new("RGB", (width, height), self.look.paper)
        self.pen = ImageDraw.Draw(self.image)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 2.2,
        *,
        bold: bool = False,
        fill: Colour | None = None,
        anchor: str = "lm",
        family: str | None = None,
        room: float | None = None,
    ) -> None:
        """Sets one line; `size` is the height of the type, `room` the width it must fit into by shrinking.

        It is set no smaller than can be read, unless it must shrink.
        anchor: l, m or r for the end of the line that lies at x, then m: y is always the middle of the line.
        """
        if not words:
            return
        words = in_hangul(words) if self.variant.hangul else words
        face = (self._family(words, family), bold)
        pixels = max(round(size * self.unit), LEGIBLE[face[0]])
        if room is not None:
            words, pixels = _fitting(words, *face, pixels, room * self.unit)
        line = set_line(words, *face, pixels)
        left = round(x * self.unit - line.width * {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]])
        self.image.paste(fill or self.look.ink, (left, round(y * self.unit - line.height / 2)), line)

    def text_width(self, words: str, size: float, *, bold: bool = False, family: str | None = None) -> float:
        """How wide the line would be, in units."""
        return line_width(words, self._family(words, family), bold, round(size * self.unit)) / self.unit

    def _family(self, words: str, family: str | None) -> str:
        return HANGUL if is_hangul(words) else family or self.look.family

    def rule(self, x0: float, y0: float, x1: float, y1: float, fill: Colour | None = None, width: int = 0) -> None:
        """A straight line; width in pixels, the look's own when 0."""
        u = self.unit
        self.pen.line((x0 * u, y0 * u, x1 * u, y1 * u), fill or self.rule_colour, width or self.look.rule)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: Colour | None = None,
        outline: Colour | None = None,
        radius: float = 0,
        line: int = 0,
    ) -> None:
        """A rectangle, its corners rounded by `radius` units."""
        u = self.unit
        corners = (x * u, y * u, (x + max(width, 0)) * u, (y + max(height, 0)) * u)
        if radius:
            self.pen.rounded_rectangle(corners, radius * u, fill, outline, line or self.look.rule)
        else:
            self.pen.rectangle(corners, fill, outline, line or self.look.rule)

    def round(
        self, x: float, y: float, radius: float, fill: Colour | None = None, outline: Colour | None = None
    ) -> None:
        """A circle about (x, y)."""
        u = self.unit
        corners = ((x - radius) * u, (y - radius) * u, (x + radius) * u, (y + radius) * u)
        self.pen.ellipse(corners, fill, outline, self.look.rule)

    @property
    def rule_colour(self) -> Colour:
        return self.look.accent if self.look.coloured_rules else self.look.ink
