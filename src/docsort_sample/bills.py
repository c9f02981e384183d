"""Papers about money: account number (0), medical bill (6), payment confirmation (10), pharmacy receipt (11)."""

from docsort_sample.elements import (
    HIDDEN,
    banner,
    cell,
    fields,
    footer,
    frame,
    letterhead,
    paragraph,
    strip,
    table,
    title,
)
from docsort_sample.marks import bar_code, emblem, redaction, seal, square_code, waves
from docsort_sample.sheet import Colour, Sheet, mix
from docsort_sample.wording import amount, chance, date, digits, pick, place, word, words

_BANK_TINTS: tuple[Colour, ...] = ((222, 232, 244), (226, 240, 228), (244, 236, 216), (240, 226, 232), (236, 236, 236))
_PILLS: tuple[Colour, ...] = ((240, 240, 236), (244, 220, 130), (240, 170, 150), (170, 200, 230), (200, 180, 220))
_CHARGES = (
    *("Consultation", "Ward", "Meals", "Injection", "Anesthesia", "Operation", "Lab test", "Imaging", "Radiology"),
    *("CT", "MRI", "Ultrasound", "Rehab.", "Materials", "Medicine", "Transfusion", "Other"),
)


def draw_account(sheet: Sheet) -> None:
    """A bank book opened at its first page, or on tall sheets a letter of the bank; the number is what stands out."""
    if sheet.height > 110:
        _account_letter(sheet)
    else:
        _bank_book(sheet)


def _account_number(sheet: Sheet, x: float, y: float, size: float) -> None:
    rng = sheet.rng
    sheet.text(x, y, digits(rng, pick(rng, ("###-######-##-###", "####-###-######", "###-##-######"))), size, bold=True)
    if chance(rng, 0.4):
        redaction(sheet, x + size * rng.uniform(2, 4), y, size * 4, size)


def _bank_book(sheet: Sheet) -> None:
    rng = sheet.rng
    tint = pick(rng, _BANK_TINTS)
    sheet.box(0, 0, 100, sheet.height, fill=tint)
    if chance(rng, 0.7):
        waves(sheet, mix(tint, sheet.look.accent, 0.15), 16)
    bank = f"{place(rng).upper()} BANK"
    top = rng.uniform(5, 9)
    if chance(rng, 0.6):
        strip(sheet, 0, top * 2, rng.uniform(0.4, 0.9))
    emblem(sheet, 7, top, 3, (240, 240, 240))
    sheet.text(12, top, bank, 4.2, bold=True, fill=(246, 246, 246) if chance(rng, 0.4) else sheet.look.ink)
    y = top * 2 + rng.uniform(4, 8)
    cell(sheet, 8, y, 40, HIDDEN, 3.6)
    sheet.text(50, y, "Account holder", 2.4)
    sheet.text(8, y + 7, "Account No.", 2.6)
    _account_number(sheet, 26, y + 7, 4.2)
    for index, name in enumerate(("Product", "Opened", "Branch")[: int(rng.integers(1, 4))]):
        sheet.text(8, y + 13 + index * 4, f"{name}   {words(rng, 2) if index != 1 else date(rng)}", 2.4)
    seal(sheet, rng.uniform(74, 86), y + 14, rng.uniform(4, 6), square=chance(rng, 0.7))
    low = sheet.height - rng.uniform(14, 24)
    if chance(rng, 0.5):
        sheet.box(0, low, 100, 6, fill=(50, 40, 36))
    else:
        bar_code(sheet, 8, low + 5, 30, 5)
    paragraph(sheet, 8, low + 7, 60, 2, 1.7)


def _account_letter(sheet: Sheet) -> None:
    rng = sheet.rng
    y = letterhead(sheet, 5)
    emblem(sheet, 12, y + 5, 3)
    sheet.text(18, y + 5, f"{place(rng)} Bank", 4, bold=True)
    y = title(sheet, y + rng.uniform(13, 18), pick(rng, ("ACCOUNT CONFIRMATION", "COPY OF BANK BOOK")), 4.8)
    sheet.box(10, y + 3, 80, 22, fill=mix(sheet.look.paper, pick(rng, _BANK_TINTS), 0.8), outline=sheet.rule_colour)
    sheet.text(14, y + 8, "Account No.", 2.4)
    _account_number(sheet, 34, y + 8, 4.2)
    sheet.text(14, y + 14, "Holder", 2.4)
    cell(sheet, 34, y + 14, 30, HIDDEN, 3)
    sheet.text(14, y + 20, f"Opened   {date(rng)}", 2.4)
    y = paragraph(sheet, 12, y + 30, 76, int(rng.integers(2, 6)))
    sheet.text(50, y + 10, f"{date(rng)}   {place(rng)} Bank", 2.6, anchor="mm")
    seal(sheet, 76, y + 10, 4.5)


def draw_medical_bill(sheet: Sheet) -> None:
    """A dense table of charges, its sums in a column at the right on most forms, patient data in a strip on top."""
    rng = sheet.rng
    banner(sheet)
    heading = pick(rng, ("MEDICAL BILL AND RECEIPT", "BILL OF MEDICAL EXPENSES", "MEDICAL EXPENSES RECEIPT"))
    y = title(sheet, rng.uniform(6, 9), heading, rng.uniform(3.4, 4.4), adorned=chance(rng, 0.4))
    ways = " ".join(f"[{pick(rng, ' v')}] {way}" for way in ("Outpatient", "Inpatient", "Interim"))
    sheet.text(50, y + 1, ways, 1.7, anchor="mm")
    info = [
        [("Patient no.", digits(rng, "#######")), ("Name", HIDDEN), ("Period", date(rng))],
        [("Dept.", words(rng, 1)), ("Room", digits(rng, "###")), ("Receipt", digits(rng, "##-####"))],
    ]
    y = fields(sheet, 5, y + 3, 90, info, 3.4, 1.6, 10)
    side = chance(rng, 0.75)
    widths = (19, 14, 14, 13) if side else (27, 21, 21, 21)
    count = min(len(_CHARGES), int((sheet.height - y - 22) / 2.6) - 1)
    height = min((sheet.height - y - 22) / (count + 2), rng.uniform(2.7, 5.0))
    rows = [[name, *(amount(rng) if chance(rng, 0.55) else "0" for _ in range(3))] for name in _CHARGES[:count]]
    rows.append(["Total", amount(rng), amount(rng), amount(rng)])
    end = table(sheet, 5, y + 0.8, widths, ("Item", "Insured", "Own share", "Uninsured"), rows, height, 1.6, "lr")
    if side:
        _sums(sheet, 65, y + 0.8, 30, end - y - 0.8)
    y = paragraph(sheet, 5, end + 1, 90, int(rng.integers(2, 5)), 1.4)
    sheet.text(8, y + 3, f"{date(rng)}   {place(rng)} Hospital", 2.2, bold=True)
    seal(sheet, rng.uniform(60, 85), y + 3, 3.5)


def _sums(sheet: Sheet, x: float, y: float, width: float, height: float) -> None:
    """The column of sums: label above amount, the amount due in bold."""
    names = (
        "Total expenses",
        "Borne by insurer",
        "Borne by patient",
        "Paid before",
        "Amount due",
        "Card",
        "Cash",
        "Paid",
    )
    step = height / len(names)
    for index, name in enumerate(names):
        top = y + index * step
        sheet.box(x, top, width, step, outline=sheet.rule_colour, fill=sheet.look.shade if index == 4 else None)
        sheet.text(x + 1, top + step * 0.3, name, 1.6)
        sheet.text(x + width - 1, top + step * 0.7, amount(sheet.rng, 2_000_000), 2.0, bold=index == 4, anchor="rm")


def draw_payment_confirmation(sheet: Sheet) -> None:
    """A certificate of what was paid: patient block, one table of dates and amounts, a sum, seal at the foot."""
    rng = sheet.rng
    banner(sheet)
    frame(sheet)
    y = letterhead(sheet, 5)
    heading = pick(rng, ("PAYMENT CONFIRMATION", "CONFIRMATION OF PAYMENT", "CONFIRMATION OF MEDICAL EXPENSES PAID"))
    y = title(sheet, y + rng.uniform(4, 7), heading, rng.uniform(4.2, 5.6))
    info = [
        [("Patient", HIDDEN), ("Birth no.", HIDDEN)],
        [("Chart no.", digits(rng, "########")), ("Period", date(rng))],
    ]
    y = fields(sheet, 6, y + 2, 88, info[: int(rng.integers(1, 3))], rng.uniform(3.6, 4.6))
    y += pick(rng, (0.0, 2.0))
    count = int(rng.integers(3, 18))
    money = int(rng.integers(3, 6))
    names = ("Total", "Insurer", "Patient", "Uninsured", "Paid")[:money]
    widths = [16.0] + [72 / money] * money
    if chance(rng, 0.4):
        widths, names = [14.0, 14.0] + [60 / money] * money, ("Dept.", *names)
    blanks = int(rng.integers(0, 5))
    height = min(rng.uniform(3.0, 4.8), (sheet.height - y - 28) / (count + blanks + 2))
    rows = [_payment_row(sheet, money, len(widths)) for _ in range(count)] + [[""] * len(widths)] * blanks
    rows.append(["Total", *[""] * (len(widths) - money - 1), *(amount(rng, 3_000_000) for _ in range(money))])
    y = table(sheet, 6, y, widths, ("Date", *names), rows, max(height, 1.9), 1.7, "mr", upright=chance(rng, 0.8))
    footer(sheet, y, doctor=False)


def _payment_row(sheet: Sheet, money: int, columns: int) -> list[str]:
    rng = sheet.rng
    return [date(rng), *(word(rng) for _ in range(columns - money - 1)), *(amount(rng) for _ in range(money))]


def draw_pharmacy_receipt(sheet: Sheet) -> None:
    """On wide sheets the envelope of the medicines, with pills and directions beside a receipt; else the receipt."""
    banner(sheet)
    if sheet.height < 100:
        width = sheet.rng.uniform(52, 64)
        _envelope(sheet, 4, width)
        _receipt(sheet, width + 8, 92 - width - 4, 8)
        return
    if chance(sheet.rng, 0.5):
        _receipt(sheet, 5, 90, 8)
        return
    _envelope(sheet, 5, 90, sheet.height * 0.5)
    _receipt(sheet, 5, 90, sheet.height * 0.5 + 6)


def _envelope(sheet: Sheet, x: float, width: float, bottom: float | None = None) -> None:
    """Names of medicines with a picture of each pill, how often to take it, and what it does."""
    rng = sheet.rng
    bottom = bottom or sheet.height - 8
    sheet.text(
        x, 6, pick(rng, ("MEDICATION GUIDE", "YOUR MEDICINES", "Directions for use")), 3.4, bold=True, room=width
    )
    cell(sheet, x, 11, width * 0.6, HIDDEN, 2.6)
    y, step = 15.0, rng.uniform(8, 11)
    while y + step < bottom:
        sheet.box(x, y, width, step, outline=sheet.rule_colour)
        _pill(sheet, x + 5, y + step / 2, min(3.0, step * 0.3))
        sheet.text(x + 11, y + step * 0.25, f"{words(rng, 1)} {digits(rng, '##')}mg", 2.2, bold=True, room=width * 0.5)
        paragraph(sheet, x + 11, y + step * 0.42, width * 0.52, 2, 1.5)
        doses = f"{pick(rng, '123')} x {pick(rng, '123')} x {pick(rng, '3457')}"
        sheet.text(x + width - 2, y + step / 2, doses, 2.2, anchor="rm")
        y += step


def _pill(sheet: Sheet, x: float, y: float, radius: float) -> None:
    colour = pick(sheet.rng, _PILLS)
    sheet.box(x - radius * 1.4, y - radius * 1.2, radius * 2.8, radius * 2.4, fill=(120, 128, 136))
    if chance(sheet.rng, 0.5):
        sheet.round(x, y, radius, fill=colour)
    else:
        sheet.box(x - radius * 1.2, y - radius / 2, radius * 2.4, radius, fill=colour, radius=radius / 2)


def _receipt(sheet: Sheet, x: float, width: float, y: float) -> None:
    """The receipt of a pharmacy: few labelled sums under each other, the total large."""
    rng = sheet.rng
    heading = pick(rng, ("PHARMACY RECEIPT", "RECEIPT FOR MEDICINES", "PHARMACEUTICAL RECEIPT"))
    y = title(sheet, y, heading, 4.0, x=x + width / 2, room=width - 8, adorned=chance(rng, 0.5))
    info = [[("Name", HIDDEN)], [("Filled on", date(rng))], [("Serial no.", digits(rng, "########"))]]
    if width > 60:
        info = [[*info[0], *info[1]], info[2]]
    y = fields(sheet, x, y + 1, width, info, 3.8, 1.8, 12)
    names = ("Total (1+2)", "Medicines", "Dispensing fee", "Insurer (2)", "Patient (1)", "Uninsured", "Tax", "Paid")
    rows = [[name, amount(rng, 90_000)] for name in names[: int(rng.integers(5, 9))]]
    y = table(
        sheet, x, y + 1.5, (width * 0.55, width * 0.45), ("Item", "Amount"), rows, rng.uniform(3.4, 4.6), 1.9, "lr"
    )
    sheet.text(x + width, y + 4, f"TOTAL  {amount(rng, 90_000)}", 3.4, bold=True, anchor="rm", room=width)
    y += 9
    for line in (
        f"{place(rng)} Pharmacy",
        f"Tel. {digits(rng, '0##-###-####')}",
        f"Card {digits(rng, '####-****-****')}",
    ):
        if y < sheet.height - 5:
            sheet.text(x, y, line, 2.0, room=width)
            y += 3
    seal(sheet, x + width * rng.uniform(0.6, 0.85), min(y - 3, sheet.height - 6), 3.2)
    if y < sheet.height - 16 and chance(rng, 0.4):
        square_code(sheet, x, y + 2, 11)
