"""Cards and booklets: driver licence (5), national identity card (8), passport (9)."""

from docsort_sample.elements import HIDDEN, cell, strip
from docsort_sample.marks import emblem, portrait, redaction, seal, waves
from docsort_sample.sheet import Colour, Sheet, mix
from docsort_sample.wording import address, chance, date, digits, person, pick, place, word

_LICENCE_TINTS: tuple[Colour, ...] = ((244, 234, 206), (238, 232, 200), (248, 232, 212), (232, 236, 212))
_IDENTITY_TINTS: tuple[Colour, ...] = ((222, 238, 232), (226, 242, 240), (218, 236, 240), (238, 242, 238))
_PASSPORT_TINTS: tuple[Colour, ...] = ((236, 220, 226), (228, 222, 240), (240, 226, 232), (232, 230, 230))


def _personal(sheet: Sheet, value: str, hidden: float = 0.75) -> str:
    """The value, or with probability `hidden` a black bar."""
    return HIDDEN if chance(sheet.rng, hidden) else value


def _ground(sheet: Sheet, tint: Colour) -> None:
    sheet.box(0, 0, 100, sheet.height, fill=tint)
    waves(sheet, mix(tint, sheet.look.accent, 0.2), int(sheet.rng.integers(10, 20)))


def draw_licence(sheet: Sheet) -> None:
    """Photo at the left, licence number in colour across the top, a column of fields, a small second photo or seal."""
    rng = sheet.rng
    tint = pick(rng, _LICENCE_TINTS)
    _ground(sheet, tint)
    top = rng.uniform(8, 12)
    if chance(rng, 0.6):
        strip(sheet, 0, top, rng.uniform(0.3, 0.8))
        sheet.text(rng.uniform(4, 40), top / 2, "DRIVER'S LICENSE", 6, bold=True, fill=(250, 250, 250))
    else:
        sheet.text(rng.uniform(4, 30), top / 2 + 1, "Driver's License", 6, bold=True, fill=sheet.look.accent)
    portrait(sheet, 4, top + 5, rng.uniform(24, 28), rng.uniform(30, 35), hidden=0.5)
    sheet.box(4, sheet.height - 9, 15, 6, outline=(60, 60, 60))
    sheet.text(11.5, sheet.height - 6, pick(rng, ("CLASS 1", "CLASS 2", "MOTOR")), 2.8, anchor="mm")
    number = _personal(sheet, digits(rng, "##-##-######-##"), 0.5)
    if number == HIDDEN:
        redaction(sheet, 48, top + 7, 36, 4.5)
        sheet.text(36, top + 7, digits(rng, "##-"), 4.5, bold=True, fill=(180, 30, 30))
    else:
        sheet.text(36, top + 7, number, 4.5, bold=True, fill=(180, 30, 30))
    rows = (person(rng), digits(rng, "######-#######"), address(rng), f"Condition  {pick(rng, 'ABC')}")
    for index, value in enumerate(rows):
        cell(sheet, 35, top + 13 + index * 6, 46, _personal(sheet, value, 0.6 if index < 3 else 0), 3.4)
    sheet.text(36, sheet.height - 14, f"{date(rng)} ~ {date(rng)}", 3, fill=(150, 40, 40))
    sheet.text(36, sheet.height - 6, f"{place(rng)} Police Agency", 3.6, bold=True)
    if chance(rng, 0.6):
        portrait(sheet, 84, sheet.height - 24, 12, 15, hidden=0.5)
    seal(sheet, rng.uniform(74, 82), sheet.height - 7, 4, square=True)


def draw_identity_card(sheet: Sheet) -> None:
    """Title at the left, big name and number under it, photo at the right, issuer and seal centred at the foot."""
    rng = sheet.rng
    tint = pick(rng, _IDENTITY_TINTS)
    _ground(sheet, tint)
    if chance(rng, 0.5):
        emblem(sheet, rng.uniform(30, 60), sheet.height * 0.55, 13, mix(tint, sheet.look.accent, 0.15))
    left = rng.uniform(5, 9)
    heading = pick(rng, ("RESIDENT REGISTRATION CARD", "NATIONAL IDENTITY CARD", "IDENTITY CARD"))
    sheet.text(left, rng.uniform(7, 10), heading, 5.2, bold=True, room=54)
    cell(sheet, left, 18, 40, _personal(sheet, person(rng), 0.5), 5.5)
    cell(sheet, left, 27, 46, _personal(sheet, digits(rng, "######-#######"), 0.8), 4.6)
    for index in range(int(rng.integers(1, 4))):
        cell(sheet, left, 35 + index * 4.4, 48, _personal(sheet, address(rng), 0.7), 3.0)
    sheet.text(50, sheet.height - 12, date(rng), 3.2, anchor="mm")
    sheet.text(50, sheet.height - 6.5, f"Mayor of {place(rng)}", 4.4, bold=True, anchor="mm")
    seal(sheet, rng.uniform(70, 76), sheet.height - 7, 4, square=True)
    width = rng.uniform(24, 29)
    portrait(sheet, 95 - width, rng.uniform(8, 14), width, width * 1.28, hidden=0.5)


def draw_passport(sheet: Sheet) -> None:
    """The data page, with two machine-readable lines at its foot; on tall sheets the page above it shows as well."""
    rng = sheet.rng
    tint = pick(rng, _PASSPORT_TINTS)
    _ground(sheet, tint)
    top = max(0.0, sheet.height - 70)
    if top:
        _upper_page(sheet, top, tint)
    nation = f"REPUBLIC OF {place(rng).upper()}"
    sheet.text(5, top + 5, "PASSPORT", 3.6, bold=True, fill=sheet.look.accent)
    sheet.text(rng.uniform(36, 46), top + 5, nation, 4, bold=True, fill=sheet.look.accent)
    portrait(sheet, 4, top + 11, 26, 34, hidden=0.5)
    rows = (
        (
            ("Type", "PM"),
            ("Country code", digits(rng, "@@@")),
            ("Passport No.", _personal(sheet, digits(rng, "M########"))),
        ),
        (("Surname", _personal(sheet, word(rng).upper())),),
        (("Given names", _personal(sheet, word(rng).upper())),),
        (("Nationality", nation), ("Date of birth", _personal(sheet, date(rng)))),
        (("Sex", pick(rng, "MF")), ("Date of issue", date(rng))),
        (("Authority", "MINISTRY OF FOREIGN AFFAIRS"), ("Date of expiry", date(rng))),
    )
    for index, row in enumerate(rows):
        share = 64 / len(row)
        for place_in_row, (label, value) in enumerate(row):
            x, y = 33 + place_in_row * share, top + 10 + index * 6.6
            sheet.text(x + 0.8, y, label, 1.9, fill=(100, 100, 110))
            cell(sheet, x, y + 2.9, share - 2, value, 2.7)
    sheet.box(0, sheet.height - 16, 100, 16, fill=mix(tint, (255, 255, 255), 0.5))
    for index in range(2):
        y = sheet.height - 11.5 + index * 6
        line = (digits(rng, "PM@@@@@@@@<<@@@@@") if index == 0 else digits(rng, "M########@@@######@")).ljust(44, "<")
        sheet.text(4, y, line, 3.4, family="mono", fill=(30, 30, 34), room=92)
        if chance(rng, 0.7):
            redaction(sheet, rng.uniform(12, 24), y, rng.uniform(20, 50), 3.6)


def _upper_page(sheet: Sheet, top: float, tint: Colour) -> None:
    """The signature page that lies above the data page in an open booklet."""
    rng = sheet.rng
    sheet.box(0, 0, 100, top, fill=mix(tint, (255, 255, 255), 0.3))
    if top > 18:
        emblem(sheet, 50, top * 0.45, min(13.0, top * 0.25), mix(tint, sheet.look.accent, 0.35))
        sheet.text(
            50,
            top * 0.8,
            pick(rng, ("Signature of bearer", "This passport is valid for all countries")),
            2.6,
            anchor="mm",
        )
    sheet.rule(0, top, 100, top, (110, 110, 110), 2)
