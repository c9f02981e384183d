"""By what a page is read, and how a member learns from it."""

from typing import Annotated, Any, Literal

from pydantic import Field

from docsort.images.page_format import PageFormat
from docsort.members.member import MemberParameters
from docsort.parameters import Parameters

READING = "reading"
"""The kind's name."""

AUTO: Literal["auto"] = "auto"
RAPIDOCR, TESSERACT = "rapidocr", "tesseract"
LATIN = "latin"
"""The language that needs no data but what comes with the engines."""


class EngineParameters(Parameters):
    """An engine, what it reads, and for how long. To be mixed into the parameters of a member."""

    engine: Literal["auto", "rapidocr", "tesseract"] = Field(
        default=AUTO, description="what reads; auto: rapidocr where it has the language, else tesseract"
    )
    language: str = Field(
        default=AUTO,
        pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$",
        description="latin (with digits), or as Tesseract calls it, kor for example, or kor+eng; auto: found out on "
        "some training pages, among those whose data are there",
    )
    lines: int = Field(default=12, ge=2, le=1000, description="lines that are read of a page, the largest")
    seconds: int = Field(default=20, ge=1, le=3600, description="that may be computed for one page")


Title = Annotated[str, Field(min_length=2)]


class ReadingParameters(MemberParameters, EngineParameters):
    """A member that reads."""

    kind: Literal["reading"] = "reading"
    straighten: bool = Field(default=False, description="the reader finds by itself how a page lies")
    image_size: int = Field(
        default=1600,
        ge=320,
        le=8000,
        description="pixels of a page's longer side at most; smaller ones stay as they came",
    )
    optional: bool = Field(default=False, description="whether the run goes on without it where nothing can read")
    titles: dict[str | int, tuple[Title, ...]] = Field(
        default={}, description="words of which a class is known, by its name or number"
    )
    keep_text: bool = Field(
        default=True,
        description="false: of what was read, hashed n-grams alone are stored, of which no page can be read",
    )
    damaged: float = Field(
        default=1.0, ge=0, le=1, description="share of the test-like pages of the folds that are learnt which it learns"
    )
    worn_copies: int = Field(
        default=0, ge=0, le=50, description="copies of each text that it learns with lines lost and letters wrong"
    )

    @property
    def side(self) -> int:
        return self.image_size

    @property
    def page_format(self) -> PageFormat:
        return PageFormat(self.side, self.straighten, letterboxed=False)

    @property
    def render_copies(self) -> int:
        return 0

    def deciding(self) -> dict[str, Any]:
        own = super().deciding()
        return {name: value for name, value in own.items() if name not in ("optional", "seconds")}
