"""Forms that are filled in: application for pregnancy expenses (1), prescription (12), resume (13)."""

from docsort_sample.elements import HAND, HIDDEN, banner, cell, fields, frame, paragraph, table, tick_box, title
from docsort_sample.marks import bar_code, portrait, scrawl, seal, square_code
from docsort_sample.sheet import Sheet
from docsort_sample.wording import address, chance, date, digits, person, pick, place, words

_SCHOOLS = ("High School", "College", "University", "Graduate School")


def draw_application(sheet: Sheet) -> None:
    """Sections with an upright label bar at the left, tick boxes, handwriting, a long paragraph of consent."""
    rng = sheet.rng
    banner(sheet)
    sheet.text(5, 4.5, f"[Annex {digits(rng, '#-#')}]", 1.7)
    y = title(sheet, rng.uniform(8, 10), "APPLICATION FOR PAYMENT OF PREGNANCY", 3.6, adorned=False)
    y = title(sheet, y + 0.5, pick(rng, ("AND CHILDBIRTH MEDICAL EXPENSES", "MEDICAL EXPENSES")), 3.6, adorned=False)
    for index, label in enumerate(("New", "Change", "Card", "Single birth")[: int(rng.integers(2, 5))]):
        tick_box(sheet, 8 + index * 22, y + 1, label, 1.9)
    y += 4
    height = sheet.height * rng.uniform(0.031, 0.041)
    applicant = [
        [("Name", HIDDEN), ("Birth no.", HIDDEN)],
        [("Phone", HIDDEN), ("Mobile", HIDDEN)],
        [("Address", HIDDEN)],
    ]
    y = _section(sheet, y, "A", applicant, height)
    clinic = [
        [("Confirmed", date(rng)), ("Due date", HAND)],
        [("Weeks", HAND), ("Fetuses", pick(rng, ("1", "2", HAND)))],
        [("Hospital", f"{place(rng)} Women's Clinic"), ("Licence", digits(rng, "#####"))],
        [("Physician", person(rng))],
    ]
    if chance(rng, 0.6):
        y = _section(sheet, y, "B", clinic, height)
    else:
        y = _section(sheet, y, "B", clinic[:2], height)
        y = _section(sheet, y, "C", clinic[2:], height)
    y = _consent(sheet, y + 1)
    sheet.text(60, y + 3, date(rng), 2.0)
    sheet.text(50, y + 6.5, "Applicant", 2.0)
    scrawl(sheet, 62, y + 6.5, 18, 2.4)
    if chance(rng, 0.7):
        seal(sheet, 86, y + 6, 2.6)
    sheet.text(8, min(y + 11, sheet.height - 4), "To the National Health Insurance Service", 2.4, bold=True)


def _section(sheet: Sheet, y: float, label: str, rows: list[list[tuple[str, str]]], height: float) -> float:
    end = fields(sheet, 13, y, 82, rows, height, 1.8, 13)
    sheet.box(5, y, 8, end - y, fill=sheet.look.shade, outline=sheet.rule_colour)
    sheet.text(9, (y + end) / 2, label, 2.6, bold=True, anchor="mm")
    return end


def _consent(sheet: Sheet, y: float) -> float:
    rng = sheet.rng
    lines = max(3, min(int(rng.integers(8, 17)), int((sheet.height - y - 24) / 2.5)))
    sheet.box(5, y, 90, lines * 2.5 + 6, outline=sheet.rule_colour)
    sheet.text(7, y + 2, "Consent to the use of personal data", 1.9, bold=True)
    y = paragraph(sheet, 7, y + 3.5, 86, lines, 1.6)
    for index, label in enumerate(("I agree", "I do not agree")):
        tick_box(sheet, 50 + index * 20, y + 0.6, label, 1.7)
    return y + 2.5


def draw_prescription(sheet: Sheet) -> None:
    """Patient and prescriber in boxes side by side, a table of medicines, the dispensing block at the foot."""
    rng = sheet.rng
    banner(sheet)
    frame(sheet, 3)
    heading = pick(rng, ("PRESCRIPTION", "PRESCRIPTION FORM", "P R E S C R I P T I O N"))
    y = title(sheet, rng.uniform(7, 9), heading, rng.uniform(4.4, 5.6))
    for index, label in enumerate(("Insurance", "Medical aid", "Other")):
        tick_box(sheet, 8 + index * 17, y, label, 1.6)
    if chance(rng, 0.4):
        square_code(sheet, 82, 4, 11)
    y = _parties(sheet, y + 2.5)
    rows = [_medicine(sheet) for _ in range(int(rng.integers(2, 9)))]
    empty = [[""] * 5] * max(0, int(rng.integers(8, 16)) - len(rows))
    height = min(rng.uniform(3.4, 5.2), (sheet.height - y - 28) / (len(rows) + len(empty) + 1))
    header = ("Name of medicine", "Dose", "Times", "Days", "Directions")
    y = table(sheet, 5, y, (46, 9, 9, 9, 17), header, [*rows, *empty], max(height, 2.0), 1.7, "lmmmm")
    y = fields(sheet, 5, y, 90, [[("Injections", ""), ("Valid for", f"{pick(rng, '357')} days")]], 3.4, 1.7)
    end = fields(sheet, 5, y + 1, 60, [[("Pharmacy", "")], [("Pharmacist", HAND)], [("Filled on", "")]], 3.6, 1.7)
    sheet.box(65, y + 1, 30, end - y - 1, outline=sheet.rule_colour)
    sheet.text(66, y + 3, "Change of prescription", 1.6)
    if end < sheet.height - 9 and chance(rng, 0.5):
        bar_code(sheet, 8, end + 2, 34, 3.5)


def _parties(sheet: Sheet, y: float) -> float:
    rng = sheet.rng
    left = [[("Issued", f"{date(rng)} no. {digits(rng, '#####')}")], [("Patient", HIDDEN)], [("Birth no.", HIDDEN)]]
    right = [
        [("Institution", f"{place(rng)} Clinic")],
        [("Phone", digits(rng, "0##-####"))],
        [("Fax / mail", digits(rng, "0##-####"))],
    ]
    height = rng.uniform(3.4, 4.4)
    fields(sheet, 5, y, 45, left, height, 1.7, 10)
    y = fields(sheet, 50, y, 45, right, height, 1.7, 11)
    code = [[("Disease", f"{digits(rng, '@##.#')}  {digits(rng, '@##')}"), ("Prescriber", person(rng))]]
    y = fields(sheet, 5, y, 90, code, height, 1.7)
    seal(sheet, 90, y - height / 2, 2.6)
    return y


def _medicine(sheet: Sheet) -> list[str]:
    rng = sheet.rng
    name = f"{digits(rng, '########')} {words(rng, 1)} {digits(rng, '##')}mg"
    return [
        name,
        pick(rng, ("1", "2", "0.5")),
        pick(rng, "123"),
        pick(rng, "3457"),
        pick(rng, ("after meals", "bedtime", "")),
    ]


def draw_resume(sheet: Sheet) -> None:
    """A photo, name and contact beside it, then education, experience and licences as tables or as lists."""
    rng = sheet.rng
    y = title(sheet, rng.uniform(7, 10), pick(rng, ("RESUME", "R E S U M E", "CURRICULUM VITAE")), rng.uniform(4.4, 6))
    width = rng.uniform(18, 23)
    at_left = chance(rng, 0.65)
    portrait(sheet, 7 if at_left else 93 - width, y + 2, width, width * 1.3, hidden=0.6)
    x = 10 + width if at_left else 7
    rows = [
        [("Name", HIDDEN)],
        [("Birth", HIDDEN), ("Age", digits(rng, "2#"))],
        [("Phone", HIDDEN)],
        [("Address", HIDDEN)],
    ]
    fields(sheet, x, y + 2, 83 - width, rows, width * 1.3 / 4, 1.9, 11)
    y += width * 1.3 + 5
    listed = chance(rng, 0.3)
    for heading in ("Education", "Experience", "Licences", "Skills"):
        count = int(rng.integers(2, 6))
        if y + count * 3.4 + 8 > sheet.height - 12:
            break
        y = _history(sheet, y, heading, count, listed)
    y = max(y + 4, sheet.height - rng.uniform(8, 16))
    sheet.text(50, y - 3, pick(rng, ("The above is true.", "I confirm the above.")), 2.0, anchor="mm")
    sheet.text(50, y, f"{date(rng)}    {person(rng) if chance(rng, 0.3) else ''}", 2.0, anchor="mm")
    if chance(rng, 0.5):
        scrawl(sheet, 66, y, 14, 2)


def _history(sheet: Sheet, y: float, heading: str, count: int, listed: bool) -> float:
    """Periods and what was done in them; returns where the block ends."""
    rng = sheet.rng
    rows = [[f"{date(rng)} ~ {date(rng)}", f"{place(rng)} {pick(rng, _SCHOOLS)}", words(rng, 2)] for _ in range(count)]
    if not listed:
        return table(sheet, 7, y, (26, 36, 24), ("Period", heading, "Note"), rows, 3.4, 1.8) + 2.5
    sheet.text(7, y + 1, heading, 2.6, bold=True, fill=sheet.look.accent)
    sheet.rule(7, y + 3, 93, y + 3)
    for index, row in enumerate(rows):
        middle = y + 5.5 + index * 3.2
        cell(sheet, 7, middle, 27, HIDDEN if chance(rng, 0.15) else row[0], 1.8)
        cell(sheet, 34, middle, 50, f"{row[1]}, {row[2]}" if chance(rng, 0.7) else address(rng), 1.9)
    return y + 5.5 + count * 3.2 + 1.5
