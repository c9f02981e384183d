import pytest

from docsort.errors import InputError
from docsort.reading import engines
from docsort.reading.engines import choose, languages, open_engine
from docsort.reading.parameters import EngineParameters


class Library:
    """As a module with an engine, for these languages."""

    def __init__(self, *known: str) -> None:
        self.languages = lambda: list(known)
        self.advice = lambda language: f"install {language} for {known}"
        self.open_engine = lambda language: [language]


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        engines, "LIBRARIES", {"rapidocr": Library("latin"), "tesseract": Library("latin", "kor", "eng")}
    )
    engines._open.cache_clear()


@pytest.mark.usefixtures("two")
def test_the_first_engine_that_has_every_language_reads() -> None:
    assert languages("auto") == ["latin", "kor", "eng"]
    assert languages("rapidocr") == ["latin"]
    assert choose("auto", "latin") == "rapidocr"
    assert choose("auto", "auto") == "rapidocr"
    assert choose("tesseract", "latin") == "tesseract"
    assert choose("auto", "kor+eng") == choose("auto", "latin+kor") == "tesseract"

    with pytest.raises(InputError, match=r"one that rapidocr can read here, but there is only latin; install kor for"):
        choose("rapidocr", "kor")


def test_where_nothing_is_installed_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LIBRARIES", {"rapidocr": Library(), "tesseract": Library()})
    with pytest.raises(InputError, match=r"but there is no such engine; install auto for \(\)\."):
        choose("auto", "auto")


@pytest.mark.usefixtures("two")
def test_an_engine_is_opened_once() -> None:
    parameters = EngineParameters(engine="tesseract", language="kor")
    assert open_engine(parameters) is open_engine(parameters.model_copy(update={"lines": 5}))
    assert open_engine(parameters) is not open_engine(EngineParameters(engine="tesseract", language="eng"))
