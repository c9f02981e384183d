"""Pages of PDF files as pictures. Nothing in them is executed: PDFium comes without JavaScript."""

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

DOTS_PER_INCH = 200
"""What an office scanner gives."""

LONGEST_SIDE = 4096
"""Pixels; a larger page is rendered with fewer dots per inch."""

POINTS_PER_INCH = 72

_one_at_a_time = threading.RLock()
"""PDFium may not be entered by two threads of a process."""


def count_pdf_pages(data: bytes) -> int:
    """Raises ValueError with what is wrong, for users."""
    with _one_at_a_time, _opened(data) as pdf:
        return len(pdf)


def render_pdf_page(data: bytes, page: int) -> NDArray[np.uint8]:
    """(H, W, 3) RGB on white, annotations and filled-in forms included; page from 0. Raises ValueError alike."""
    import pypdfium2

    with _one_at_a_time, _opened(data) as pdf:
        try:
            pdf.init_forms()
            sheet = pdf[page]
            scale = min(DOTS_PER_INCH / POINTS_PER_INCH, LONGEST_SIDE / max(sheet.get_size()))
            bitmap = sheet.render(scale=scale, rev_byteorder=True)
            return np.array(bitmap.to_numpy()[..., :3], order="C")
        except (pypdfium2.PdfiumError, ZeroDivisionError) as error:
            raise ValueError(f"page {page + 1} of the PDF is damaged") from error


def _opened(data: bytes) -> Any:
    import pypdfium2

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = "assword" in str(error)
        raise ValueError(
            "the PDF is locked by a password; save it without one" if locked else "the PDF is damaged; save it anew"
        ) from error
    if not len(pdf):
        pdf.close()
        raise ValueError("the PDF has no pages")
    return pdf
