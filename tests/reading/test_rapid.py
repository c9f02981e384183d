import socket
from pathlib import Path

import numpy as np
import pytest
from drawn_text import TITLE, draw_words
from rapidocr.inference_engine.onnxruntime import OrtInferSession
from rapidocr.utils.download_file import DownloadFile

from docsort.reading import rapid
from docsort.reading.page_reader import read_page
from docsort.reading.rapid import RapidEngine, advice, languages, model_files


def test_what_comes_with_the_package_is_found_and_nothing_else_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    assert languages()[0] == "latin"
    assert all(path.is_file() for path in model_files("latin"))

    monkeypatch.setattr(rapid, "PACKAGES", ("rapidocr", "no_such_package"))
    assert languages() == []
    assert advice("latin") == "install docsort[reading]"


def test_a_model_that_is_put_into_its_folder_is_a_language_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rapid, "_file", lambda name: tmp_path / name)
    assert languages() == []
    for name in (rapid.DETECTOR, rapid.RECOGNISERS["latin"]):
        (tmp_path / name).touch()
    assert languages() == ["latin"]
    assert rapid.RECOGNISERS["kor"] in advice("kor")

    (tmp_path / rapid.RECOGNISERS["kor"]).touch()
    assert languages() == ["latin", "kor"]


def test_reading_asks_for_no_network_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was wanted")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = read_page(draw_words(width=560, height=420, lines=()), RapidEngine("latin"), 2)
    assert found.lines[0].text.replace(" ", "") == TITLE.replace(" ", "")
    assert capfd.readouterr() == ("", "")


def test_a_model_without_its_letters_fails_where_the_package_would_download_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a download was wanted")

    monkeypatch.setattr(DownloadFile, "run", refuse)
    monkeypatch.setattr(OrtInferSession, "have_key", lambda session: False)
    with pytest.raises(UnicodeDecodeError, match="utf-8"):
        RapidEngine("latin")


def test_boxes_are_in_pixels_of_the_page_whatever_its_size() -> None:
    page, engine = draw_words(lines=()), RapidEngine("latin")
    twice = np.kron(page, np.ones((2, 2, 1), dtype=np.uint8))
    once, again = engine.detect(page), engine.detect(twice)
    assert once.shape == again.shape == (1, 4, 2)
    assert again / 2 == pytest.approx(once, abs=6)
