"""Pages with what was read of them: a table of all lines, and a few pages for the report.

Words on a page are personal data. They stand in the table, where the member may keep text at all, and in the report
beside the few pages that a person opens; pictures have the boxes of lines and no words but those of the page itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from PIL import Image, ImageDraw

from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import read_render
from docsort.members.splits import renders_in
from docsort.reading.model import Facts, read_facts
from docsort.reading.parameters import READING
from docsort.reading.reader import known_texts
from docsort.reading.text import PageText, TextLine
from docsort.reporting.galleries import caption_names
from docsort.stores import Store
from docsort.tables import READING_LINES, check_columns, judged

LARGEST = 900
"""Pixels of a picture's longer side."""
FRAME = "#d1495b"


@dataclass(frozen=True)
class ReadPage:
    """title: what became of the page; picture: with the boxes of its lines; lines: text and confidence of each, the
    largest first."""

    title: str
    picture: Image.Image
    lines: Sequence[tuple[str, float]]


def find_readers(*pointers: Sequence[Mapping[str, Checkpoint]]) -> dict[str, Facts]:
    """What each member that reads is, by name. pointers: fold by fold the checkpoints of members, by name."""
    return {
        name: read_facts(checkpoint.folder)[0]
        for folds in pointers
        for own in folds[:1]
        for name, checkpoint in own.items()
        if checkpoint.kind == READING
    }


def keeps_text(reader: Facts) -> bool:
    """Whether what it reads is kept as text; if not, as hashed n-grams."""
    return not reader.reading.wanted.key


def list_lines(readers: Mapping[str, Facts], validation_renders: pd.DataFrame, cache: Store) -> pd.DataFrame:
    """READING_LINES of the test-like pages, as the first reader that keeps text has read them; nothing is read anew."""
    for reader in (own for own in readers.values() if keeps_text(own)):
        pages = judged(renders_in(reader.page_format, validation_renders), "renders")
        texts = known_texts(pages["path"].astype(str).tolist(), reader.reading.engine, cache)
        return tabulate_lines(pages["render_id"].astype(str).tolist(), texts, reader.engine)
    return pd.DataFrame(columns=list(READING_LINES))


def tabulate_lines(
    render_ids: Sequence[str], texts: Sequence[PageText | None], facts: Mapping[str, Any]
) -> pd.DataFrame:
    """Table READING_LINES of pages that were read; of None and of pages without text there is no row.

    facts: of `reader.engine_facts`.
    """
    version = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    rows = [
        (render_id, place, _box_text(line), line.text, line.confidence, facts["engine"], version)
        for render_id, text in zip(render_ids, texts, strict=True)
        for place, line in enumerate(text.lines if text else ())
    ]
    return pd.DataFrame(rows, columns=list(READING_LINES)).astype({"line": "int64", "confidence": "float64"})


def open_pages(
    reading: Mapping[str, Any],
    lines: pd.DataFrame,
    renders: pd.DataFrame,
    classes: pd.DataFrame,
    limit: int,
) -> list[ReadPage]:
    """The pages that the report shows, at most `limit`: first those whose answer reading changes, in their order, then
    others with text, by id.

    reading: of `reading_worth.tell_reading`; lines: READING_LINES; renders: those in their own shape are shown.
    """
    check_columns(lines, READING_LINES, "reading_lines")
    names, changed = caption_names(classes), reading["worth"].get("changed", ())
    notes = {str(row["render_id"]): row for row in changed}
    shaped = renders[~renders["letterboxed"].astype(bool)]
    paths = dict(zip(shaped["render_id"].astype(str), shaped["path"].astype(str), strict=True))
    own = {str(name): part for name, part in lines.groupby("render_id", sort=True)}
    wanted = [name for name in dict.fromkeys([*notes, *own]) if name in own and name in paths]
    return [
        ReadPage(
            _title(name, notes.get(name), names),
            draw_boxes(Image.fromarray(read_render(paths[name])), own[name]["box"]),
            list(zip(own[name]["text"].astype(str), own[name]["confidence"].astype(float), strict=True)),
        )
        for name in wanted[:limit]
    ]


def draw_boxes(page: Image.Image, boxes: Iterable[str]) -> Image.Image:
    """The page, shrunk, with each line framed, and a dot where its text begins."""
    picture = page.convert("RGB")
    picture.thumbnail((LARGEST, LARGEST))
    pen = ImageDraw.Draw(picture)
    for box in boxes:
        shares = [float(number) for number in box.split()]
        corners = [(x * picture.width, y * picture.height) for x, y in zip(shares[::2], shares[1::2], strict=True)]
        pen.line([*corners, corners[0]], fill=FRAME, width=2)
        x, y = corners[0]
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=FRAME)
    return picture


def _box_text(line: TextLine) -> str:
    """Eight shares parted by blanks: x and y of the four corners."""
    return " ".join(f"{share:.4f}" for corner in line.box for share in corner)


def _title(name: str, note: Mapping[str, Any] | None, names: Mapping[int, str]) -> str:
    if note is None:
        return name
    before, after = (names[int(note[when])] for when in ("before", "after"))
    return f"{'mended' if note['after'] == note['label'] else 'broken'}: {before} -> {after} ({name})"
