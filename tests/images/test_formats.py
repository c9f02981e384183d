import pytest
from drawn_files import KINDS, drawn, encoded, pdf_of, tiff_of

from docsort.images.formats import is_pdf, is_picture, may_have_pages, why_no_picture

OTHERS = {
    "PostScript, which is a program": [b"%!PS-Adobe", b"\xc5\xd0\xd3\xc6...."],
    "an SVG drawing": [b"<svg xmlns=''>", b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg>"],
    "a web page": [b"<!DOCTYPE html>", b"\n <html>"],
    "an office document": [b"PK\x03\x04....word/document.xml", b"\xd0\xcf\x11\xe0....", b"{\\rtf1"],
    "an archive; unpack it": [b"PK\x03\x04....photo.jpg", b"\x1f\x8b..", b"Rar!.."],
    "a video": [b"\0\0\0\x20ftypisom", b"\x1aE\xdf\xa3"],
    "a Photoshop document": [b"8BPS\0\x01"],
    "text": [b"notes on the scans", "메모".encode(), "é".encode() * 3000],
    "nothing but zeros": [bytes(30)],
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_file_that_is_no_picture_is_called_what_it_is_and_told_what_to_do(what: str) -> None:
    for data in OTHERS[what]:
        assert not is_picture(data)
        assert why_no_picture(data) == f"not a picture but {what}; save it as JPEG, PNG or PDF"


def test_what_is_unknown_or_damaged_is_told_so() -> None:
    assert why_no_picture(b"\x01\x02\x80") == "not a picture of a format that is read; save it as JPEG, PNG or PDF"
    assert "it begins as HEIC, but is damaged or of a kind that is not read" in why_no_picture(b"\0\0\0\x18ftypheic")


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_bytes_tell_every_format_that_is_read(kind: str) -> None:
    data = encoded(drawn(), kind)
    assert is_picture(data[:1024])
    assert not is_pdf(data)
    assert may_have_pages(data) == ("TIFF" in kind)


def test_documents_of_pages_are_told_by_content() -> None:
    assert may_have_pages(pdf_of(drawn()))
    assert is_pdf(b"\n\n%PDF-1.4")
    assert may_have_pages(tiff_of(drawn(), drawn()))
    assert not is_pdf(encoded(drawn(), "JPEG", comment=b"%PDF-1.4"))
