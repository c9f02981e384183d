"""The 17 kinds of documents: number, name, how often they occur, how they are drawn and how they are photographed."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from docsort_sample.bills import draw_account, draw_medical_bill, draw_payment_confirmation, draw_pharmacy_receipt
from docsort_sample.cards import draw_identity_card, draw_licence, draw_passport
from docsort_sample.certificates import ADMISSION, DIAGNOSIS, OPINION, OUTPATIENT, draw_certificate
from docsort_sample.forms import draw_application, draw_prescription, draw_resume
from docsort_sample.sheet import Colour, Sheet
from docsort_sample.vehicles import draw_dashboard, draw_plate, draw_registration

PORTRAIT = (0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.7071, 0.7071, 0.5625, 0.66, 0.8)
LANDSCAPE = (1.3333, 1.3333, 1.3333, 1.4142, 1.7778)
CARD_FRAMES = (1.3333, 1.3333, 1.5, 0.75, 0.75, 1.7778)
PURPLE: Colour = (122, 66, 140)
BLUE: Colour = (24, 74, 160)
GREEN: Colour = (26, 116, 66)
ORANGE: Colour = (206, 116, 24)
RED: Colour = (176, 48, 52)
TEAL: Colour = (0, 112, 120)

WIDE = (1.3333, 1.3333, 1.3333, 1.7778, 2.16, 0.75)


@dataclass(frozen=True)
class Kind:
    """One kind of document.

    frames: width over height of the photo, drawn from evenly; fill: smallest and largest share of the frame that the
    sheet takes, above 1 where its edges are cut; shapes: width over height of the sheet, empty where as the frame;
    colour: what such forms are usually printed in, None where there is no custom.
    """

    name: str
    full_count: int
    draw: Callable[[Sheet], None]
    frames: tuple[float, ...] = PORTRAIT
    fill: tuple[float, float] = (0.88, 1.05)
    shapes: tuple[float, ...] = ()
    colour: Colour | None = None


KINDS = (
    Kind("account_number", 100, draw_account, (*LANDSCAPE, 0.75, 0.75), (0.8, 1.04)),
    Kind("application_for_payment_of_pregnancy_medical_expenses", 46, draw_application, colour=PURPLE),
    Kind("car_dashboard", 100, draw_dashboard, WIDE, (1.06, 1.12)),
    Kind("confirmation_of_admission_and_discharge", 100, partial(draw_certificate, target=ADMISSION)),
    Kind("diagnosis", 100, partial(draw_certificate, target=DIAGNOSIS)),
    Kind("driver_lisence", 100, draw_licence, CARD_FRAMES, (0.66, 1.0), (1.5, 1.58, 1.62)),
    Kind("medical_bill_receipts", 100, draw_medical_bill, (*PORTRAIT, 1.3333), colour=BLUE),
    Kind("medical_outpatient_certificate", 100, partial(draw_certificate, target=OUTPATIENT)),
    Kind("national_id_card", 100, draw_identity_card, CARD_FRAMES, (0.66, 1.0), (1.5, 1.58, 1.62)),
    Kind("passport", 100, draw_passport, (1.3333, 1.3333, 1.4142, 0.75, 0.75), (0.8, 1.0), (1.42, 1.42, 1.0, 0.72)),
    Kind("payment_confirmation", 100, draw_payment_confirmation, colour=GREEN),
    Kind("pharmaceutical_receipt", 100, draw_pharmacy_receipt, (*LANDSCAPE, *PORTRAIT[:6]), colour=ORANGE),
    Kind("prescription", 100, draw_prescription, colour=RED),
    Kind("resume", 74, draw_resume),
    Kind("statement_of_opinion", 50, partial(draw_certificate, target=OPINION)),
    Kind("vehicle_registration_certificate", 100, draw_registration, colour=TEAL),
    Kind("vehicle_registration_plate", 100, draw_plate, WIDE, (1.06, 1.12)),
)
"""By target: the position is the class number. Names, the spelling of class 5 among them, and counts are those of the
real job's meta.csv and train.csv (1,570 pages in all)."""

CLASS_NAMES = tuple(kind.name for kind in KINDS)
