"""The four certificates that look alike: classes 3, 4, 7 and 14 share one form.

The form, its look and its footer are drawn from the same choices whatever the class. What tells them apart is the
title and the block between the patient and the footer, and even those share rows. Where a sheet is to be told by its
title only, that block is the same whatever the class.
"""

from docsort_sample.elements import (
    HAND,
    HIDDEN,
    fields,
    footer,
    frame,
    letterhead,
    lined_fields,
    paragraph,
    table,
    title,
)
from docsort_sample.marks import bar_code, watermark
from docsort_sample.sheet import Sheet
from docsort_sample.wording import chance, date, digits, pick, word, words

ADMISSION, DIAGNOSIS, OUTPATIENT, OPINION = 3, 4, 7, 14
CONFUSABLE = (ADMISSION, DIAGNOSIS, OUTPATIENT, OPINION)

TITLES = {
    ADMISSION: ("CONFIRMATION OF ADMISSION AND DISCHARGE", "ADMISSION AND DISCHARGE CONFIRMATION"),
    DIAGNOSIS: ("DIAGNOSIS", "MEDICAL DIAGNOSIS"),
    OUTPATIENT: ("OUTPATIENT CERTIFICATE", "MEDICAL OUTPATIENT CERTIFICATE"),
    OPINION: ("STATEMENT OF OPINION", "STATEMENT OF OPINION", "PHYSICIAN'S OPINION"),
}
TITLES_IN_HANGUL = {
    ADMISSION: ("입퇴원 확인서", "입퇴원 사실 확인서"),
    DIAGNOSIS: ("진단서", "일반 진단서"),
    OUTPATIENT: ("통원 확인서", "외래 진료 확인서"),
    OPINION: ("소견서", "의사 소견서"),
}
_DEPARTMENTS = ("Internal Med.", "Orthopedics", "Obstetrics", "Surgery", "Pediatrics", "Neurology", "Dermatology")


def draw_certificate(sheet: Sheet, target: int) -> None:
    """Draws the shared form with the title and the block of one of the four classes."""
    rng = sheet.rng
    frame(sheet)
    if chance(rng, 0.35):
        watermark(sheet, 50, sheet.height * 0.55, 16)
    y = letterhead(sheet, rng.uniform(4.5, 8))
    y = _title(sheet, y + rng.uniform(4, 7), target)
    x = rng.uniform(6, 9)
    width = 100 - 2 * x
    height = rng.uniform(3.7, 4.9)
    ruled = chance(rng, 0.7)
    y = _rows(sheet, x, y + rng.uniform(1.5, 4), width, _patient(sheet), height, ruled)
    own = {ADMISSION: _admission, DIAGNOSIS: _diagnosis, OUTPATIENT: _outpatient, OPINION: _opinion}[target]
    block = _common if sheet.variant.title_only else own
    y = block(sheet, x, y + (0 if ruled else 2), width, height, ruled)
    if chance(rng, 0.6):
        y = _rows(
            sheet,
            x,
            y,
            width,
            [[("Purpose", pick(rng, ("Insurance claim", "Submission to work", HAND)))]],
            height,
            ruled,
        )
    footer(sheet, y)
    if chance(rng, 0.25):
        bar_code(sheet, 66, sheet.height - 6.5, 26, 3)


def _title(sheet: Sheet, y: float, target: int) -> float:
    rng = sheet.rng
    words = pick(rng, (TITLES_IN_HANGUL if sheet.variant.hangul else TITLES)[target])
    size = rng.uniform(4.6, 6.2)
    if chance(rng, 0.25):
        words = words.title().replace(" Of ", " of ").replace(" And ", " and ").replace("'S", "'s")
    if sheet.variant.title_only:  # on one line, and with as many draws in each class, so that all else is the same
        return title(sheet, y, words, size)
    if len(words) < 12 and chance(rng, 0.6):
        words = " ".join(words)
    if len(words) > 30 and chance(rng, 0.35):
        middle = words.index(" ", len(words) // 2 - 3)
        y = title(sheet, y, words[:middle], size, adorned=False)
        return title(sheet, y + size * 0.3, words[middle + 1 :], size, adorned=False)
    return title(sheet, y, words, size)


def _rows(
    sheet: Sheet, x: float, y: float, width: float, rows: list[list[tuple[str, str]]], height: float, ruled: bool
) -> float:
    return fields(sheet, x, y, width, rows, height) if ruled else lined_fields(sheet, x, y, width, rows, height)


def _patient(sheet: Sheet) -> list[list[tuple[str, str]]]:
    rng = sheet.rng
    rows = [
        [("Patient", HIDDEN), ("Birth no.", HIDDEN)],
        [("Sex / age", f"{pick(rng, 'MF')} / {int(rng.integers(1, 90))}"), ("Phone", HIDDEN)],
        [("Address", HIDDEN)],
    ]
    if chance(rng, 0.4):
        rows.insert(0, [("Chart no.", digits(rng, "########")), ("Dept.", pick(rng, _DEPARTMENTS))])
    return rows if chance(rng, 0.8) else rows[:-1]


def _disease(sheet: Sheet, x: float, y: float, width: float, height: float, *, codes: bool, count: int) -> float:
    """Names of diseases in one cell; with their codes in a column to the right where `codes`."""
    rng, tall = sheet.rng, height * (0.5 + 0.75 * count)
    sheet.box(x, y, 14, tall, fill=sheet.look.shade)
    sheet.box(x, y, width, tall, outline=sheet.rule_colour)
    sheet.rule(x + 14, y, x + 14, y + tall)
    sheet.text(x + 7, y + tall / 2, "Disease", 1.9, anchor="mm")
    for index in range(count):
        middle = y + height * (0.6 + 0.75 * index)
        sheet.text(x + 16, middle, words(rng, int(rng.integers(2, 5))), 2.0, room=width - 36)
        if codes:
            sheet.text(x + width - 9, middle, digits(rng, "@##.#"), 2.3, bold=True, anchor="mm")
    if codes:
        sheet.rule(x + width - 18, y, x + width - 18, y + tall)
    return y + tall


def _remarks(sheet: Sheet, x: float, y: float, width: float, label: str, lines: int) -> float:
    """A tall cell with a label at the left and running text; sometimes written by hand."""
    rng = sheet.rng
    size = rng.uniform(1.8, 2.2)
    tall = lines * size * 1.55 + 3
    sheet.box(x, y, 14, tall, fill=sheet.look.shade)
    sheet.box(x, y, width, tall, outline=sheet.rule_colour)
    sheet.rule(x + 14, y, x + 14, y + tall)
    sheet.text(x + 7, y + tall / 2, label, 1.9, anchor="mm", room=13)
    paragraph(sheet, x + 16, y + 1.5, width - 19, lines, size)
    return y + tall


def _common(sheet: Sheet, x: float, y: float, width: float, height: float, ruled: bool) -> float:
    """Diseases, a period and remarks: nothing that would tell the class."""
    rng = sheet.rng
    y = _disease(sheet, x, y, width, height, codes=chance(rng, 0.5), count=int(rng.integers(1, 4)))
    y = _rows(sheet, x, y, width, [[("From", date(rng)), ("To", date(rng))]], height, ruled)
    return _remarks(sheet, x, y, width, "Remarks", int(rng.integers(3, 10)))


def _admission(sheet: Sheet, x: float, y: float, width: float, height: float, ruled: bool) -> float:
    """From when to when the patient stayed: one to three periods, then remarks."""
    rng = sheet.rng
    y = _disease(sheet, x, y, width, height, codes=chance(rng, 0.3), count=int(rng.integers(1, 3)))
    stays = int(rng.integers(1, 4))
    if stays == 1:
        stay = [[("Admission", date(rng)), ("Discharge", date(rng))], [("Stay", f"{int(rng.integers(2, 40))} days")]]
        y = _rows(sheet, x, y, width, stay, height * 1.3, ruled)
    else:
        shares = [width * share for share in (0.28, 0.28, 0.14, 0.3)]
        rows = [[date(rng), date(rng), str(int(rng.integers(2, 40))), pick(rng, _DEPARTMENTS)] for _ in range(stays)]
        y = table(sheet, x, y, shares, ("Admission", "Discharge", "Days", "Dept."), rows, height, 1.9, "m")
    return _remarks(sheet, x, y, width, "Remarks", int(rng.integers(2, 6)))


def _outpatient(sheet: Sheet, x: float, y: float, width: float, height: float, ruled: bool) -> float:
    """On which days the patient came: a grid of dates on most, first and last visit on some; few remarks."""
    rng = sheet.rng
    y = _disease(sheet, x, y, width, height, codes=chance(rng, 0.3), count=int(rng.integers(1, 3)))
    visits, columns = int(rng.integers(2, 8)), int(rng.integers(3, 5))
    if chance(rng, 0.15):
        y = _rows(sheet, x, y, width, [[("First visit", date(rng)), ("Last visit", date(rng))]], height * 1.3, ruled)
    else:
        shares = [width / columns] * columns
        rows = [[date(rng) for _ in range(columns)] for _ in range(visits)]
        y = table(sheet, x, y, shares, ["Visit"] * columns, rows, height * 0.9, 1.9, "m")
    return _remarks(sheet, x, y, width, "Remarks", int(rng.integers(1, 3)))


def _diagnosis(sheet: Sheet, x: float, y: float, width: float, height: float, ruled: bool) -> float:
    """Several diseases with their codes, two dates, how it was treated."""
    rng = sheet.rng
    y = _disease(sheet, x, y, width, height * 1.25, codes=chance(rng, 0.9), count=int(rng.integers(3, 6)))
    y = _rows(sheet, x, y, width, [[("Onset", date(rng)), ("Diagnosed", date(rng))]], height, ruled)
    return _remarks(sheet, x, y, width, pick(rng, ("Treatment", "Prognosis")), int(rng.integers(3, 7)))


def _opinion(sheet: Sheet, x: float, y: float, width: float, height: float, ruled: bool) -> float:
    """One or two diseases, then a long text."""
    rng = sheet.rng
    y = _disease(sheet, x, y, width, height, codes=chance(rng, 0.3), count=int(rng.integers(1, 3)))
    if chance(rng, 0.5):
        y = _rows(sheet, x, y, width, [[("Onset", date(rng)), ("Examined", date(rng))]], height, ruled)
    return _remarks(sheet, x, y, width, pick(rng, ("Opinion", f"Opinion on {word(rng)}")), int(rng.integers(9, 16)))
