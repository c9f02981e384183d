"""What is photographed of a car: dashboard (2), registration certificate (15), number plate (16)."""

import math

import numpy as np
from PIL import Image

from docsort_sample.elements import HIDDEN, cell, paragraph, table, title
from docsort_sample.marks import emblem, redaction, seal, waves
from docsort_sample.sheet import BLACK, Colour, Sheet, mix
from docsort_sample.wording import amount, chance, date, digits, pick, place, word, words

_GLOWS: tuple[Colour, ...] = ((235, 240, 245), (120, 190, 255), (255, 120, 90), (150, 240, 190), (255, 200, 120))
_PAINTS: tuple[Colour, ...] = (
    (225, 225, 228),
    (60, 62, 68),
    (150, 154, 160),
    (110, 30, 34),
    (40, 60, 100),
    (190, 186, 176),
)
_PLATES: tuple[tuple[Colour, Colour], ...] = (
    ((240, 242, 240), (20, 22, 30)),
    ((240, 242, 240), (20, 22, 30)),
    ((40, 110, 76), (235, 240, 235)),
    ((236, 196, 50), (20, 22, 30)),
    ((190, 216, 236), (20, 22, 30)),
)


def _fade(sheet: Sheet, top: Colour, bottom: Colour) -> None:
    """A vertical gradient over the whole sheet."""
    column = np.linspace(top, bottom, 32).round().astype(np.uint8)[:, None, :]
    sheet.image.paste(Image.fromarray(column).resize(sheet.image.size, Image.Resampling.BILINEAR))


def draw_dashboard(sheet: Sheet) -> None:
    """Round gauges with needles around a display with the odometer, in a dark panel."""
    rng = sheet.rng
    dark = int(rng.integers(14, 60))
    _fade(sheet, (dark + 40, dark + 42, dark + 46), (dark, dark, dark + 3))
    glow, middle = pick(rng, _GLOWS), sheet.height * rng.uniform(0.42, 0.58)
    u = sheet.unit
    hood = (6 * u, (middle - 34) * u, 94 * u, (middle + 36) * u)
    sheet.pen.ellipse(hood, (dark // 2, dark // 2, dark // 2 + 3), (dark + 60, dark + 60, dark + 64), 2)
    radius = rng.uniform(15, 20)
    if chance(rng, 0.75):
        gauge(sheet, rng.uniform(24, 28), middle, radius, glow, pick(rng, (8, 9)), 1)
        gauge(sheet, rng.uniform(72, 76), middle, radius, glow, pick(rng, (9, 12, 13)), 20)
        display(sheet, 50, middle + rng.uniform(-4, 6), 15, 20, glow)
    else:
        gauge(sheet, 50, middle - 2, radius * 1.25, glow, pick(rng, (9, 12)), 20)
        display(sheet, rng.uniform(18, 22), middle, 20, 14, glow)
        display(sheet, rng.uniform(78, 82), middle, 20, 14, glow)
    for _ in range(int(rng.integers(2, 8))):
        lamp = pick(rng, ((230, 60, 40), (240, 170, 40), (60, 200, 90), (90, 150, 250)))
        sheet.round(rng.uniform(25, 75), middle + rng.uniform(16, 24), rng.uniform(0.7, 1.3), fill=lamp)


def gauge(sheet: Sheet, x: float, y: float, radius: float, glow: Colour, ticks: int, step: int) -> None:
    """A dial of 240° with numbered ticks and a red needle."""
    sheet.round(x, y, radius, fill=(16, 16, 20), outline=mix(glow, (60, 60, 60), 0.5))
    for index in range(ticks):
        angle = math.radians(150 + 240 * index / (ticks - 1))
        cos, sin = math.cos(angle), math.sin(angle)
        inner, outer = radius * 0.84, radius * 0.96
        sheet.rule(x + inner * cos, y + inner * sin, x + outer * cos, y + outer * sin, glow, 2)
        sheet.text(x + radius * 0.68 * cos, y + radius * 0.68 * sin, str(index * step), 2.6, fill=glow, anchor="mm")
    angle = math.radians(150 + 240 * sheet.rng.uniform(0, 0.7))
    sheet.rule(x, y, x + radius * 0.78 * math.cos(angle), y + radius * 0.78 * math.sin(angle), (240, 60, 40), 3)
    sheet.round(x, y, radius * 0.12, fill=(50, 50, 54))


def display(sheet: Sheet, x: float, y: float, width: float, height: float, glow: Colour) -> None:
    """A lit panel with speed, odometer and a few readings."""
    rng = sheet.rng
    sheet.box(x - width / 2, y - height / 2, width, height, fill=mix((10, 12, 18), glow, rng.uniform(0.02, 0.25)))
    lines = (f"{int(rng.integers(0, 120))} km/h", f"ODO {digits(rng, '######')}", f"{digits(rng, '##.#')} C", "P R N D")
    for index, line in enumerate(lines):
        sheet.text(x, y + (index - 1.5) * height / 5, line, 2.4, fill=glow, anchor="mm", family="mono", room=width - 1)


def draw_plate(sheet: Sheet) -> None:
    """The back or front of a car with its plate in the middle; sometimes the plate nearly alone."""
    rng = sheet.rng
    paint = pick(rng, _PAINTS)
    _fade(sheet, mix(paint, (255, 255, 255), 0.2), mix(paint, (0, 0, 0), rng.uniform(0.2, 0.6)))
    width = rng.uniform(30, 80)
    height = width * pick(rng, (0.21, 0.21, 0.45))
    x, y = 50 - width / 2 + rng.uniform(-6, 6), sheet.height * rng.uniform(0.42, 0.6)
    if width < 62:
        _car(sheet, paint, y, height)
    sheet.box(x - 2, y - height / 2 - 2, width + 4, height + 4, fill=mix(paint, BLACK, rng.uniform(0.3, 0.9)), radius=1)
    ground, ink = pick(rng, _PLATES)
    sheet.box(x, y - height / 2, width, height, fill=ground, outline=ink, radius=height * 0.1, line=2)
    if height / width > 0.3:
        above = f"{place(rng)} {digits(rng, '##')}"
        middle = x + width / 2
        sheet.text(middle, y - height * 0.28, above, height * 0.3, bold=True, fill=ink, anchor="mm", room=width * 0.8)
        number, size, middle = digits(rng, "@ ####"), height * 0.52, y + height * 0.16
    else:
        number, size, middle = digits(rng, "##@ ####"), height * 0.85, y
    sheet.text(x + width / 2, middle, number, size, bold=True, fill=ink, anchor="mm", room=width * 0.92)
    if chance(rng, 0.5):
        redaction(sheet, x + width * rng.uniform(0.4, 0.6), middle, width * 0.25, size * 0.9)


def _car(sheet: Sheet, paint: Colour, y: float, height: float) -> None:
    """Lamps, a window and a bumper around the plate."""
    rng = sheet.rng
    rear = chance(rng, 0.6)
    lamp = (170, 30, 34) if rear else (235, 238, 240)
    lamp_y = y - height - rng.uniform(2, 12)
    for x in (3, 100 - 21):
        sheet.box(x, lamp_y, 18, rng.uniform(6, 10), fill=lamp, outline=mix(paint, BLACK, 0.6), radius=2)
    sheet.box(14, lamp_y - rng.uniform(18, 26), 72, 15, fill=(36, 42, 50), outline=mix(paint, BLACK, 0.4), radius=4)
    if rear:
        emblem(sheet, 50, lamp_y + 2, 2.5, (190, 190, 195))
    else:
        for index in range(5):
            sheet.rule(26, lamp_y + index * 2, 74, lamp_y + index * 2, (30, 30, 32), 3)
    sheet.box(0, y + height, 100, 8, fill=mix(paint, BLACK, rng.uniform(0.4, 0.8)))
    sheet.box(0, y + height + 12, 100, sheet.height, fill=(74, 74, 76))


def draw_registration(sheet: Sheet) -> None:
    """A certificate on tinted security paper: numbered fields in two columns, an owner block, a table of measures."""
    rng = sheet.rng
    tint = pick(rng, ((220, 240, 226), (216, 236, 238), (232, 240, 226), (240, 242, 238)))
    sheet.box(0, 0, 100, sheet.height, fill=tint)
    if chance(rng, 0.7):
        waves(sheet, mix(tint, sheet.look.accent, 0.25), 20)
    sheet.box(3, 3, 94, sheet.height - 6, outline=sheet.look.accent, line=pick(rng, (2, 3, 4)))
    heading = pick(rng, ("VEHICLE REGISTRATION CERTIFICATE", "AUTOMOBILE REGISTRATION"))
    y = title(sheet, rng.uniform(9, 12), heading, 4.6, adorned=chance(rng, 0.4))
    sheet.text(8, y, f"No. {digits(rng, '######-####')}", 1.9)
    sheet.text(92, y, f"First registered {date(rng)}", 1.9, anchor="rm")
    height = rng.uniform(3.6, 4.4)
    y = _numbered(sheet, y + 2.5, height)
    sheet.text(50, y + 3, pick(rng, ("The registration is certified.", words(rng, 7))), 2.0, anchor="mm")
    sheet.text(50, y + 6.5, f"{date(rng)}    Mayor of {place(rng)}", 2.4, bold=True, anchor="mm")
    seal(sheet, rng.uniform(72, 78), y + 6, 4, square=True)
    rows = [[str(index + 1), words(rng, 1), digits(rng, "#,###"), words(rng, 1), amount(rng)] for index in range(14)]
    fitting = max(2, int((sheet.height - 8 - (y + 11)) / 3.2) - 1)
    table(
        sheet,
        6,
        y + 11,
        (6, 22, 18, 20, 22),
        ("", "Measure", "mm", "Inspection", "Mileage"),
        rows[:fitting],
        3.2,
        1.7,
        "mlr",
    )


def _numbered(sheet: Sheet, y: float, height: float) -> float:
    """Numbered pairs of fields, two to a row; the owner's are blacked out."""
    rng = sheet.rng
    names = ("Plate", "Type", "Make", "Use", "Model year", "Chassis no.", "Engine", "Garage", "Owner", "Birth no.")
    for index, name in enumerate(names):
        x, top = (6 if index % 2 == 0 else 50), y + index // 2 * height
        sheet.box(x, top, 44, height, outline=sheet.rule_colour)
        sheet.text(x + 1, top + height / 2, f"({index + 1}) {name}", 1.8, room=15)
        value = (
            HIDDEN if index in (0, 5, 8, 9) and chance(rng, 0.8) else f"{word(rng).capitalize()} {digits(rng, '@##')}"
        )
        cell(sheet, x + 16, top + height / 2, 27, value, 1.9)
    y += math.ceil(len(names) / 2) * height
    if chance(rng, 0.5):
        y = paragraph(sheet, 7, y + 1, 84, 2, 1.6)
    return y
