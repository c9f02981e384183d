from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drawn_text import TITLE, draw_words
from fake_engines import (
    COUNTED,
    DEADLY,
    FAILING,
    HANGING,
    coloured,
    open_colours,
    open_none,
    read_within,
)

from docsort.errors import InputError
from docsort.images.page_format import encode_jpeg
from docsort.reading import reader
from docsort.reading.parameters import EngineParameters
from docsort.reading.reader import engine_facts, read_photos, read_renders, settle, text_name
from docsort.reading.text import PageText
from docsort.stores import Store
from docsort.work.executor import run
from docsort.work.local import LocalExecutor

PARAMETERS = EngineParameters(engine="rapidocr", language="latin", seconds=1)
GREYS = [(value, value, value) for value in (40, 80, 120, 160)]


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    """As at the beginning of a run."""
    reader._unread.clear()
    yield
    reader._unread.clear()


def renders(folder: Path, colours: list[tuple[int, int, int]]) -> list[str]:
    for colour in colours:
        (folder / f"{colour}.jpg").write_bytes(encode_jpeg(coloured(colour), 95))
    return [str(folder / f"{colour}.jpg") for colour in colours]


def said(texts: list[PageText]) -> list[str]:
    return [text.problem or text.lines[0].text for text in texts]


def test_a_page_that_hangs_kills_or_fails_its_engine_costs_itself_only(tmp_path: Path) -> None:
    paths = renders(tmp_path, [GREYS[0], HANGING, GREYS[1], DEADLY, GREYS[2], FAILING])
    texts = read_renders(paths, PARAMETERS, None, open_colours)

    assert said([texts[0], texts[2], texts[4]]) == ["4 4 4", "8 8 8", "12 12 12"]
    assert [text.problem.partition(",")[0] for text in texts[1:4:2]] == ["reading it ended its worker"] * 2
    assert "1 seconds of computing" in texts[1].problem
    assert texts[5].problem == "the engine failed (RuntimeError: no such operator)"
    assert all(text.lines == () and text.turn is None for text in texts[1::2])


def test_a_page_is_read_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    paths = renders(tmp_path, GREYS)
    first = read_renders([paths[0], paths[1], paths[0]], PARAMETERS, store, open_colours)
    assert said(first) == ["4 4 4", "8 8 8", "4 4 4"]

    assert read_renders(paths[:2], PARAMETERS, store, open_none) == first[:2]
    with pytest.raises(AssertionError, match="an engine was opened"):  # which is how it would be seen
        read_renders(paths, PARAMETERS, store, open_none)


def test_what_is_cached_is_of_this_page_and_these_parameters(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    (path,) = renders(tmp_path, GREYS[:1])
    read_renders([path], PARAMETERS, store, open_colours)
    Path(path).write_bytes(encode_jpeg(coloured(GREYS[3]), 95))

    assert said(read_renders([path], PARAMETERS, store, open_colours)) == ["16 16 16"]
    fewer = PARAMETERS.model_copy(update={"lines": 2})
    assert text_name(fewer) != text_name(PARAMETERS)
    assert text_name(PARAMETERS.model_copy(update={"seconds": 2})) == text_name(PARAMETERS)


def test_what_could_not_be_read_is_tried_again_in_the_next_run_and_not_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    paths = renders(tmp_path, [DEADLY, FAILING])
    broken = read_renders(paths, PARAMETERS, store, open_colours)
    assert all(text.problem for text in broken)

    assert read_renders(paths, PARAMETERS, store, open_none) == broken
    reader._unread.clear()
    for path in paths:
        with pytest.raises(AssertionError, match="an engine was opened"):
            read_renders([path], PARAMETERS, store, open_none)


def test_pages_that_were_read_before_a_worker_died_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_workers: LocalExecutor
) -> None:
    counted = tmp_path / "counted"
    counted.mkdir()
    monkeypatch.setenv(COUNTED, str(counted))
    paths = renders(tmp_path, [*GREYS, DEADLY])
    texts = read_renders(paths, PARAMETERS, Store(tmp_path / "cache"), open_colours)
    assert said(texts)[:4] == ["4 4 4", "8 8 8", "12 12 12", "16 16 16"]
    deaths = len(list(counted.iterdir())) - len(GREYS)
    assert deaths == 4  # twice with the others, which are read but once, and twice alone


def test_a_member_in_a_worker_gets_the_same_and_outlives_its_pages() -> None:
    photos = [coloured(colour) for colour in (GREYS[0], DEADLY, GREYS[1])]
    here = read_photos(photos, PARAMETERS, open_colours)

    assert said(here)[::2] == ["4 4 4", "8 8 8"]
    assert "ended its worker" in here[1].problem
    assert run(read_within, photos, PARAMETERS) == here


def test_renders_and_photos_are_read_alike(tmp_path: Path) -> None:
    page = draw_words(width=560, height=420, lines=())
    (tmp_path / "page.jpg").write_bytes(encode_jpeg(page, 100))
    parameters = EngineParameters(language="latin")

    (render,) = read_renders([str(tmp_path / "page.jpg")], parameters, None)
    (photo,) = read_photos([reader.read_render(str(tmp_path / "page.jpg"))], parameters)
    assert render == photo
    assert render.lines[0].text.replace(" ", "") == TITLE.replace(" ", "")


def test_no_pages_are_no_work() -> None:
    assert read_renders([], PARAMETERS, None, open_none) == []
    assert read_photos(np.zeros((0, 9, 9, 3), dtype=np.uint8), PARAMETERS, open_none) == []


def test_facts_name_all_that_decides_what_is_read() -> None:
    facts = engine_facts(EngineParameters(language="latin"))
    assert (facts["engine"], facts["language"], facts["lines"]) == ("rapidocr", "latin", 12)
    assert set(facts["versions"]) == {"rapidocr", "onnxruntime", "opencv-python-headless"}
    assert "absent" not in facts["versions"].values()
    assert [len(digest) for digest in facts["models"].values()] == [64, 64]

    with pytest.raises(ValueError, match="Expected the language to be named"):
        engine_facts(EngineParameters())


def test_the_language_is_the_one_that_is_read_most_surely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int]] = []
    read_of: list[list[str]] = []

    def read(paths: list[str], parameters: EngineParameters, cache: None) -> list[PageText]:
        asked.append((parameters.engine, parameters.language, len(paths)))
        read_of.append(paths)
        line = reader.PageText.from_record(
            {"lines": [["word", surest[parameters.language], [[0, 0]] * 4, 0.1]], "turn": 0, "problem": ""}
        )
        return [line]

    monkeypatch.setattr(reader, "languages", lambda engine: ["latin", "eng", "kor"])
    monkeypatch.setattr(reader, "choose", lambda engine, language: "tesseract" if language == "kor" else "rapidocr")
    monkeypatch.setattr(reader, "read_renders", read)
    monkeypatch.setattr(reader, "checked_digest", lambda path: f"{int(path) * 37 % 101:03}")
    paths = [str(number) for number in range(100)]

    surest = {"latin": 0.5, "kor": 0.9}
    settled = settle(paths, EngineParameters())
    assert (settled.engine, settled.language) == ("tesseract", "kor")
    assert asked == [("rapidocr", "latin", 6), ("tesseract", "kor", 6)]

    surest = {"latin": 0.9, "kor": 0.5}
    assert settle(paths, EngineParameters()).language == "latin"
    assert len(asked) == 4
    assert settle(paths, EngineParameters(language="kor")).language == "kor"
    assert len(asked) == 4

    settle(paths[::-1], EngineParameters())  # another order, as other folds may have it
    assert all(pages == read_of[0] for pages in read_of)


def test_a_language_that_nothing_reads_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match=r"Expected `language` tlh to be one that rapidocr or tesseract can read here"):
        settle([], EngineParameters(language="tlh"))
    with pytest.raises(InputError, match=r"put korean_PP-OCRv5_rec_mobile.onnx .* \(nothing is downloaded here\)"):
        engine_facts(EngineParameters(engine="rapidocr", language="kor"))
