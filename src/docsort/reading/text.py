"""What was read of a page, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Point = tuple[float, float]
Box = tuple[Point, Point, Point, Point]


@dataclass(frozen=True)
class TextLine:
    """A line of a page.

    confidence: in [0, 1], as the engine says it. box: corners (x, y) as shares of the width and the height of the page
    as it lies; the first is where the text begins, at the top of its letters, and from there along the text: clockwise
    for a page that is not mirrored. size: height of the line as a share of the page's longer side.
    """

    text: str
    confidence: float
    box: Box
    size: float


@dataclass(frozen=True)
class PageText:
    """lines: the largest first. turn: see `images.dihedral`, the one that lays the page upright for reading; None where
    nothing could tell. problem: why nothing could be read, as a sentence for the log; "" where the page was read, also
    where it has no text.
    """

    lines: tuple[TextLine, ...] = ()
    turn: int | None = None
    problem: str = ""

    def to_record(self) -> dict[str, Any]:
        """The same as JSON has it."""
        lines = [[line.text, line.confidence, [list(corner) for corner in line.box], line.size] for line in self.lines]
        return {"lines": lines, "turn": self.turn, "problem": self.problem}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "PageText":
        """What `to_record` made, bit for bit."""
        lines = [
            TextLine(text, confidence, tuple((x, y) for x, y in box), size)  # type: ignore[arg-type]  # four corners
            for text, confidence, box, size in record["lines"]
        ]
        return cls(tuple(lines), record["turn"], record["problem"])
