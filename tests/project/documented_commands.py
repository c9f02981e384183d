"""The commands that the documentation gives, as a reader would type them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = "docsort|kedro|mlflow|curl|python|docker|pip|pytest|optuna-dashboard|ray"
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )*(?:uv (?:run|sync|pip|export)|{PROGRAMS})(?=\s|$)")


@dataclass(frozen=True)
class Documented:
    """A command, and where it stands."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"

    @property
    def typed(self) -> str:
        """Without `uv`, what is optional, and what only stands for the reader's own."""
        text = re.sub(r"^pip install uv && ", "", self.text)
        return re.sub(r"\buv (?:run )?|\[(?:[A-Z]|--)[^]]*\]|\s*\|\| .*", "", text)


def documented_commands() -> Iterator[Documented]:
    """Those of all pages in their order. They stand in blocks that are indented by four, or fenced."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        yield from _of_page(path)


def _of_page(path: Path) -> Iterator[Documented]:
    fenced, begun = False, ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fenced ^= line.lstrip().startswith("```")
        text = re.sub(r"\s{2,}#.*", "", begun + line.strip())
        if text.endswith("\\"):
            begun = text[:-1]
        elif (fenced or line.startswith("    ") or begun) and COMMAND.match(text):
            yield Documented(path.name, number, text)
            begun = ""
        else:
            begun = ""
