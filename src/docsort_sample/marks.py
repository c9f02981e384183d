"""Marks on a page that are not set type: seals, strokes of a pen, black bars, faces, codes, pills."""

import math

import numpy as np
from PIL import Image, ImageDraw

from docsort_sample.lettering import face
from docsort_sample.sheet import BLACK, SEAL_RED, Colour, Sheet, mix
from docsort_sample.wording import chance, pick, place


def redaction(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """A black bar over personal data, placed by hand: never quite exact."""
    dx, dy, dw = sheet.rng.uniform(-0.4, 0.4, 3)
    sheet.box(x + dx, y - height / 2 + dy, width + dw, height, fill=BLACK)


def seal(sheet: Sheet, x: float, y: float, radius: float, *, square: bool | None = None) -> None:
    """A red seal about (x, y), round or square, pressed with uneven strength."""
    rng = sheet.rng
    size = max(8, round(2 * radius * sheet.unit))
    mask = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(mask)
    strength = int(rng.integers(130, 235))
    thick = max(1, size // 16)
    square = chance(rng, 0.4) if square is None else square
    if square:
        pen.rectangle((1, 1, size - 2, size - 2), outline=strength, width=thick)
    else:
        pen.ellipse((1, 1, size - 2, size - 2), outline=strength, width=thick)
        if chance(rng, 0.4):
            pen.ellipse((size * 0.2, size * 0.2, size * 0.8, size * 0.8), outline=strength, width=1)
    letters = place(rng).upper()[:4]
    font = face("serif", True, max(5, round(size * 0.3)))
    pen.text((size / 2, size * 0.34), letters[:2], strength, font, "mm")
    pen.text((size / 2, size * 0.68), letters[2:], strength, font, "mm")
    mask = mask.rotate(float(rng.uniform(-25, 25)), Image.Resampling.BILINEAR)
    ink = mix(SEAL_RED, (230, 70, 60), float(rng.random()))
    corner = (round(x * sheet.unit - size / 2), round(y * sheet.unit - size / 2))
    sheet.image.paste(ink, (*corner, corner[0] + size, corner[1] + size), mask)


def scrawl(sheet: Sheet, x: float, y: float, width: float, height: float, fill: Colour | None = None) -> None:
    """A stroke of handwriting that runs from left to right about the line y."""
    rng = sheet.rng
    count = max(6, int(width * 1.2))
    ys = y + rng.uniform(-0.5, 0.5, count) * height
    xs = x + np.linspace(0, width, count) + rng.uniform(-0.6, 0.6, count)
    steps = np.linspace(0, count - 1, count * 3)
    smooth_x = np.interp(steps, np.arange(count), xs)
    smooth_y = np.interp(steps, np.arange(count), ys)
    points = list(zip((smooth_x * sheet.unit).tolist(), (smooth_y * sheet.unit).tolist(), strict=True))
    ink = fill or pick(rng, ((30, 40, 120), (20, 20, 24), (40, 50, 90)))
    sheet.pen.line(points, ink, pick(rng, (1, 2, 2)), "curve")


def portrait(sheet: Sheet, x: float, y: float, width: float, height: float, *, hidden: float = 0.4) -> None:
    """A photo of a head and shoulders; with probability `hidden` the face is blacked out."""
    rng = sheet.rng
    back = pick(rng, ((205, 215, 225), (190, 205, 220), (225, 225, 225), (170, 190, 200)))
    sheet.box(x, y, width, height, fill=back, outline=(120, 120, 120))
    skin = mix((236, 200, 175), (190, 140, 110), float(rng.random()))
    hair = mix((25, 20, 20), (80, 60, 50), float(rng.random()))
    cloth = pick(rng, ((40, 40, 50), (70, 80, 110), (120, 60, 60), (220, 220, 220)))
    u, cx = sheet.unit, x + width / 2
    left, right = (x + width * 0.1) * u, (x + width * 0.9) * u
    shoulders = (left, (y + height * 0.72) * u, right, (y + height * 1.25) * u)
    sheet.pen.chord(shoulders, 180, 360, cloth)
    sheet.pen.rectangle(
        ((cx - width * 0.08) * u, (y + height * 0.6) * u, (cx + width * 0.08) * u, (y + height * 0.76) * u), skin
    )
    head = width * 0.23
    middle = y + height * 0.42
    sheet.pen.ellipse(
        ((cx - head * 1.15) * u, (middle - head * 1.45) * u, (cx + head * 1.15) * u, (middle + head) * u), hair
    )
    sheet.pen.ellipse(((cx - head) * u, (middle - head) * u, (cx + head) * u, (middle + head * 1.3) * u), skin)
    if chance(rng, hidden):
        sheet.box(cx - head * 1.2, middle - head * 0.6, head * 2.4, head * 0.9, fill=BLACK)
    else:
        for side in (-0.4, 0.4):
            sheet.round(cx + head * side, middle + head * 0.05, head * 0.11, fill=(30, 25, 25))
        sheet.rule(cx - head * 0.3, middle + head * 0.75, cx + head * 0.3, middle + head * 0.75, fill=(150, 80, 80))


def bar_code(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """Upright bars of uneven thickness."""
    count = max(10, int(width * 1.6))
    edges = np.cumsum(sheet.rng.uniform(0.4, 1.6, count))
    edges = x + edges / edges[-1] * width
    for left, right in zip(edges[:-1:2], edges[1::2], strict=False):
        sheet.pen.rectangle([v * sheet.unit for v in (left, y, right - 0.1, y + height)], BLACK)


def square_code(sheet: Sheet, x: float, y: float, size: float) -> None:
    """A square of black and white dots, with the three corner eyes."""
    cells = (sheet.rng.random((21, 21)) < 0.5).astype(np.uint8)
    eye = np.ones((7, 7), dtype=np.uint8)
    eye[1:6, 1:6] = 0
    eye[2:5, 2:5] = 1
    cells[:7, :7], cells[:7, -7:], cells[-7:, :7] = eye, eye, eye
    side = max(21, round(size * sheet.unit))
    code = Image.fromarray((1 - cells) * 235 + 10).resize((side, side), Image.Resampling.NEAREST)
    sheet.image.paste(code.convert("RGB"), (round(x * sheet.unit), round(y * sheet.unit)))


def emblem(sheet: Sheet, x: float, y: float, radius: float, fill: Colour | None = None) -> None:
    """A small logo about (x, y): a disc, a ring, a cross or a leaf."""
    colour = fill or sheet.look.accent
    kind = int(sheet.rng.integers(4))
    if kind == 0:
        sheet.round(x, y, radius, fill=colour)
        sheet.round(x + radius * 0.3, y - radius * 0.3, radius * 0.5, fill=sheet.look.paper)
    elif kind == 1:
        sheet.round(x, y, radius, outline=colour)
        sheet.round(x, y, radius * 0.6, fill=colour)
    elif kind == 2:
        sheet.box(x - radius / 3, y - radius, radius * 2 / 3, radius * 2, fill=colour)
        sheet.box(x - radius, y - radius / 3, radius * 2, radius * 2 / 3, fill=colour)
    else:
        points = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in (0.0, 2.1, 4.2)]
        sheet.pen.polygon([(px * sheet.unit, py * sheet.unit) for px, py in points], colour)


def watermark(sheet: Sheet, x: float, y: float, radius: float) -> None:
    """A faint emblem behind the text."""
    emblem(sheet, x, y, radius, mix(sheet.look.paper, sheet.look.accent, float(sheet.rng.uniform(0.06, 0.16))))


def waves(sheet: Sheet, colour: Colour, count: int = 14) -> None:
    """The fine wavy lines of security paper, over the whole sheet."""
    rng = sheet.rng
    phase, lift = rng.uniform(0, 6.28), rng.uniform(1.5, 5)
    xs = np.linspace(0, 100, 26)
    for index in range(count):
        ys = (index + 0.5) * sheet.height / count + lift * np.sin(xs / rng.uniform(7, 8) + phase + index * 0.35)
        points = np.stack([xs, ys], axis=1) * sheet.unit
        sheet.pen.line([tuple(point) for point in points.tolist()], colour, 1)
