"""What a section of the report is made of. The template has a macro for each; a plain string is a paragraph.

Text from the data is escaped by the template; marked safe are only addresses and figures that are built here.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
from markupsafe import Markup
from PIL import Image

from docsort.images.reading import read_rgb

if TYPE_CHECKING:
    import plotly.graph_objects as go

Tables = Mapping[str, Any]
"""Datasets of the catalog by name, as they are loaded."""

EMBEDDED = "Docsort letters"
"""The font that the report brings along for letters that not every machine has."""

SIDE, QUALITY = 480, 70
"""Pixels of a picture's longer side, and its WebP quality: a page whose words can be read, in about 15 KB."""


@dataclass(frozen=True)
class Heading:
    """A title within a section."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True)
class Quiet:
    """A paragraph in small print."""

    kind: ClassVar[str] = "quiet"
    text: str


@dataclass(frozen=True)
class Table:
    """rows: as long as columns; how a value is written is `shown`."""

    kind: ClassVar[str] = "table"
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Plot:
    """name: of the figure's dataset."""

    kind: ClassVar[str] = "plot"
    name: str
    figure: "go.Figure"

    @property
    def html(self) -> Markup:
        """The figure as a block of the id `figure-<name>` that wants plotly.js on the page. The text in it cannot end
        the script; same figure, same bytes."""
        config, name = {"responsive": True, "displaylogo": False}, self.name.removesuffix("_figure")
        html = self.figure.to_html(full_html=False, include_plotlyjs=False, config=config, div_id=f"figure-{name}")
        return Markup(html)


@dataclass(frozen=True)
class Tile:
    """A large figure with its name and what it means, line by line."""

    name: str
    figure: str
    notes: Sequence[str]


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    kind: ClassVar[str] = "tiles"
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Worth:
    """What a part is worth in macro-F1, with its interval; None where that is not known."""

    part: str
    delta: float | None
    low: float | None
    high: float | None
    words: str


@dataclass(frozen=True)
class Worths:
    """A table with each interval drawn on one scale."""

    kind: ClassVar[str] = "worths"
    rows: Sequence[Worth]

    @property
    def scale(self) -> float:
        """The largest end of an interval."""
        return max([abs(end) for row in self.rows for end in (row.low, row.high) if end is not None] or [0]) or 1.0


@dataclass(frozen=True)
class Step:
    """What to do, what that would be worth, and how this is estimated."""

    what: str
    worth: str
    how: str


@dataclass(frozen=True)
class Steps:
    """The most worthwhile first."""

    kind: ClassVar[str] = "steps"
    steps: Sequence[Step]


@dataclass(frozen=True)
class Picture:
    """Pictures that belong together, and enlarge together, above one caption."""

    sources: Sequence[Markup]
    caption: str


@dataclass(frozen=True)
class Pictures:
    """width: of one in the grid, CSS pixels; side_by_side: whether all of a picture are shown before it is enlarged,
    or the first alone."""

    kind: ClassVar[str] = "pictures"
    pictures: Sequence[Picture]
    width: int = 150
    side_by_side: bool = False


@dataclass(frozen=True)
class Closed:
    """Parts that a person opens."""

    kind: ClassVar[str] = "closed"
    title: str
    parts: "Sequence[Part]"


Part = str | Heading | Quiet | Table | Plot | Tiles | Worths | Steps | Pictures | Closed


def when(condition: object, *parts: Part) -> Sequence[Part]:
    """The parts, or none."""
    return parts if condition else ()


def table_of(table: pd.DataFrame, columns: Iterable[str] | None = None) -> Table:
    """Some columns of a table, or all."""
    names = list(table.columns if columns is None else columns)
    rows = list(table[names].astype(object).itertuples(index=False, name=None))
    return Table([str(name).replace("_", " ").replace("test like", "test-like") for name in names], rows)


def source_of(picture: Image.Image, side: int = SIDE) -> Markup:
    """The picture as a data URL, at most `side` pixels long."""
    shrunk = picture.convert("RGB")
    shrunk.thumbnail((side, side))
    buffer = BytesIO()
    shrunk.save(buffer, format="WEBP", quality=QUALITY, method=2)
    return data_url("image/webp", buffer.getvalue())


def data_url(kind: str, data: bytes) -> Markup:
    """A file of that media type as an address that holds it."""
    return Markup(f"data:{kind};base64,{base64.b64encode(data).decode()}")


def photo_source(path: str) -> Markup:
    """A photo on disk. Raises UnreadableImageError."""
    return source_of(Image.fromarray(read_rgb(path)))


def shown(value: object) -> str:
    """A cell's text: about four digits, a true minus sign, missing values as a dash."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, float):
        digits = 4 if abs(value) <= 1 else 2 if abs(value) < 100 else 1
        return minus(f"{value:.{digits}f}")
    return str(value)


def signed(value: float | None) -> str:
    """A difference in macro-F1."""
    text = "–" if value is None else minus(f"{value:+.3f}")
    return "0.000" if text in ("+0.000", "−0.000") else text


def minus(text: str) -> str:
    """With true minus signs."""
    return text.replace("-", "−")
