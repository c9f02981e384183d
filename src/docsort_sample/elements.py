"""The parts that forms are put together from: titles, letterheads, labelled fields, tables, paragraphs, footers."""

from collections.abc import Sequence

from docsort_sample.marks import emblem, redaction, scrawl, seal
from docsort_sample.sheet import Sheet, mix
from docsort_sample.wording import address, chance, date, digits, person, pick, place, words

_HOUSES = ("General Hospital", "University Hospital", "Women's Hospital", "Clinic")

HIDDEN = "\x01hidden"
"""A cell whose value is blacked out."""

HAND = "\x01hand"
"""A cell that was filled in by hand."""


def cell(sheet: Sheet, x: float, y: float, width: float, value: str, size: float, align: str = "l") -> None:
    """A value about the middle line y; align l, m or r within the width."""
    rng = sheet.rng
    if value == HIDDEN:
        share = rng.uniform(0.35, 0.85)
        redaction(sheet, x + 0.8, y, width * share, size * rng.uniform(0.9, 1.4))
    elif value == HAND:
        scrawl(sheet, x + 1, y, max(3.0, width * rng.uniform(0.3, 0.7)), size * 0.8)
    elif value:
        place_x = {"l": x + 0.8, "m": x + width / 2, "r": x + width - 0.8}[align]
        sheet.text(place_x, y, value, size, anchor=f"{align}m", room=width - 1)


def title(
    sheet: Sheet, y: float, words: str, size: float, *, x: float = 50, room: float = 86, adorned: bool = True
) -> float:
    """A centred heading whose middle is y, sometimes underlined or boxed; returns where it ends."""
    rng, look = sheet.rng, sheet.look
    fill = look.accent if chance(rng, 0.35) else look.ink
    width = min(room, sheet.text_width(words, size, bold=True))
    adornment = pick(rng, ("none", "none", "none", "line", "double", "box", "band")) if adorned else "none"
    if adornment == "box":
        sheet.box(x - width / 2 - 3, y - size * 0.85, width + 6, size * 1.7, outline=fill)
    elif adornment == "band":
        sheet.box(x - width / 2 - 3, y - size * 0.85, width + 6, size * 1.7, fill=look.shade)
    elif adornment != "none":
        sheet.rule(x - width / 2, y + size * 0.75, x + width / 2, y + size * 0.75, fill)
        if adornment == "double":
            sheet.rule(x - width / 2, y + size * 0.9, x + width / 2, y + size * 0.9, fill)
    sheet.text(x, y, words, size, bold=True, fill=fill, anchor="mm", room=room)
    return y + size * 1.1


def letterhead(sheet: Sheet, y: float = 4) -> float:
    """The small line above a title: form number, registration number, sometimes a logo; returns where it ends."""
    rng = sheet.rng
    kind = int(rng.integers(4))
    if kind == 0:
        return y
    if kind == 1:
        sheet.text(7, y, f"[Form no. {digits(rng, '##-#')}]", 1.8)
    if kind == 2:
        emblem(sheet, 10, y + 1, 2.2)
        sheet.text(14, y + 1, f"{place(rng)} {pick(rng, ('Hospital', 'Medical Center', 'Clinic'))}", 2.6, bold=True)
    if kind >= 2 or chance(rng, 0.5):
        sheet.text(93, y, f"No. {digits(rng, '####-#####')}", 1.8, anchor="rm")
    return y + 2.5


def fields(
    sheet: Sheet,
    x: float,
    y: float,
    width: float,
    rows: Sequence[Sequence[tuple[str, str]]],
    height: float = 4.2,
    size: float = 1.9,
    label: float = 14,
) -> float:
    """Rows of (label, value) pairs in ruled cells with shaded labels; returns where they end."""
    for row in rows:
        share = width / len(row)
        for index, (name, value) in enumerate(row):
            left = x + index * share
            label_width = min(label, share * 0.5)
            sheet.box(left, y, label_width, height, fill=sheet.look.shade)
            sheet.box(left, y, share, height, outline=sheet.rule_colour)
            sheet.rule(left + label_width, y, left + label_width, y + height)
            cell(sheet, left, y + height / 2, label_width, name, size, "m")
            cell(sheet, left + label_width, y + height / 2, share - label_width, value, size)
        y += height
    return y


def lined_fields(
    sheet: Sheet, x: float, y: float, width: float, rows: Sequence[Sequence[tuple[str, str]]], height: float = 4.2
) -> float:
    """The same pairs without cells: a label, a colon, a dotted or plain line; returns where they end."""
    underlined = chance(sheet.rng, 0.6)
    for row in rows:
        share = width / len(row)
        for index, (name, value) in enumerate(row):
            left = x + index * share
            sheet.text(left, y + height / 2, f"{name} :", 2.0, bold=True, room=share * 0.42)
            cell(sheet, left + share * 0.42, y + height / 2, share * 0.55, value, 2.0)
            if underlined:
                sheet.rule(left + share * 0.42, y + height * 0.85, left + share * 0.96, y + height * 0.85)
        y += height
    return y


def table(
    sheet: Sheet,
    x: float,
    y: float,
    widths: Sequence[float],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    height: float = 3.0,
    size: float = 1.7,
    align: str = "l",
    upright: bool = True,
) -> float:
    """A ruled table under a shaded header row; `align` is one letter a column, the last repeated; returns its end."""
    total = sum(widths)
    bottom = y + height * (len(rows) + 1)
    sheet.box(x, y, total, height, fill=sheet.look.shade)
    letters = align.ljust(len(widths), align[-1])
    for index, row in enumerate([header, *rows]):
        left, middle = x, y + (index + 0.5) * height
        for width, value, letter in zip(widths, row, letters, strict=False):
            cell(sheet, left, middle, width, value, size, "m" if index == 0 else letter)
            left += width
        sheet.rule(x, y + index * height, x + total, y + index * height)
    sheet.box(x, y, total, bottom - y, outline=sheet.rule_colour)
    if upright:
        left = x
        for width in widths[:-1]:
            left += width
            sheet.rule(left, y, left, bottom)
    return bottom


def paragraph(
    sheet: Sheet, x: float, y: float, width: float, lines: int, size: float = 1.9, leading: float = 1.55
) -> float:
    """Lines of pseudo-words, the last one short; y is the top; returns where they end."""
    step = size * leading
    for index in range(lines):
        room = width * (sheet.rng.uniform(0.3, 0.8) if index == lines - 1 else 1)
        line = words(sheet.rng, max(1, round(room / (size * 2.9))))
        sheet.text(x, y + step / 2, line, size, room=room)
        y += step
    return y


def tick_box(sheet: Sheet, x: float, y: float, label: str, size: float = 1.8) -> None:
    """A small square, ticked or not, with its label to the right."""
    sheet.box(x, y - size / 2, size, size, outline=sheet.look.ink)
    if chance(sheet.rng, 0.35):
        sheet.rule(x + 0.2, y, x + size * 0.45, y + size * 0.4, (20, 20, 60), 2)
        sheet.rule(x + size * 0.45, y + size * 0.4, x + size * 1.1, y - size * 0.6, (20, 20, 60), 2)
    sheet.text(x + size * 1.4, y, label, size)


def footer(sheet: Sheet, y: float, *, doctor: bool = True) -> None:
    """Place, date, issuer and seal at the foot of a certificate; y is where it may begin."""
    rng = sheet.rng
    y = min(max(y + 3, sheet.height - 27), sheet.height - 20)
    sheet.text(
        50, y, pick(rng, ("The above is hereby certified.", "We certify that the above is true.")), 2.0, anchor="mm"
    )
    sheet.text(50, y + 4.2, date(rng), 2.2, anchor="mm")
    left = pick(rng, (12, 22, 38))
    house = f"{place(rng)} {pick(rng, _HOUSES)}"
    if chance(rng, 0.5):
        sheet.text(50, y + 11.5, house, 3.6, bold=True, anchor="mm", room=60)
        seal(sheet, min(92, 54 + sheet.text_width(house, 3.6, bold=True) / 2), y + 11.5, rng.uniform(3, 5))
        sheet.text(50, y + 15.5, address(rng), 1.7, anchor="mm")
        return
    rows = [("Institution", house), ("Address", address(rng))]
    rows += (
        [("Licence no.", digits(rng, "#####")), ("Physician", person(rng))] if doctor else [("Director", person(rng))]
    )
    for index, (name, value) in enumerate(rows):
        sheet.text(left, y + 8 + index * 2.9, f"{name}  {value}", 1.9, room=52)
    seal(sheet, rng.uniform(left + 36, min(left + 50, 90)), y + 8 + len(rows) * 2.4, rng.uniform(3, 5.5))


def frame(sheet: Sheet, margin: float = 3.5) -> None:
    """A border around the whole page: none, single or double."""
    kind = int(sheet.rng.integers(3))
    for inset in (0.0, 0.9)[:kind]:
        edge = margin + inset
        sheet.box(edge, edge, 100 - 2 * edge, sheet.height - 2 * edge, outline=sheet.rule_colour)


def banner(sheet: Sheet) -> None:
    """On some of the forms with coloured rules, a band of it along the top edge."""
    if sheet.look.coloured_rules and chance(sheet.rng, 0.6):
        sheet.box(0, 0, 100, sheet.rng.uniform(1.5, 4), fill=sheet.look.accent)


def strip(sheet: Sheet, y: float, height: float, share: float = 0.7) -> None:
    """A coloured band across the sheet."""
    sheet.box(0, y, 100, height, fill=mix(sheet.look.paper, sheet.look.accent, share))
