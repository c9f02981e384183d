"""The report: one HTML page that holds everything it shows and asks nothing of any other place.

A section is a module with a `TITLE`, the datasets that it NEEDS, by their names in the catalog, and a function
`section(tables)` that gives its parts, none where there is nothing to say. A new one is a file in `sections/` and a
line in SECTIONS. plotly.js stands on the page once, about 4.5 MB.
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Protocol

from markupsafe import Markup

from docsort.errors import InputError, listing
from docsort.images.fonts import fonts_of
from docsort.reporting import head
from docsort.reporting.parts import EMBEDDED, Part, Plot, Tables, data_url, shown, signed
from docsort.reporting.sections import (
    candidates,
    classes,
    confidence,
    confusion,
    data,
    drift,
    mistakes,
    next_steps,
    reading,
    review,
    scores,
    seen,
    specialists,
    training,
    views,
    worth,
)
from docsort.templates import load_template

TITLE = "Docsort report"

FONTS_HERE = "/* fonts */"
"""In the style of the template, before any text from the data."""


class Section(Protocol):
    """A module of `sections/`."""

    @property
    def TITLE(self) -> str: ...  # noqa: N802

    @property
    def NEEDS(self) -> tuple[str, ...]: ...  # noqa: N802

    def section(self, tables: Tables) -> Sequence[Part]:
        """What it shows of the datasets that it needs."""


SECTIONS: tuple[Section, ...] = (
    scores,
    worth,
    next_steps,
    classes,
    confusion,
    mistakes,
    seen,
    review,
    specialists,
    reading,
    views,
    candidates,
    training,
    data,
    drift,
    confidence,
)
"""The table of contents."""

NEEDED = tuple(sorted({name for needs in (head.NEEDS, *(module.NEEDS for module in SECTIONS)) for name in needs}))
"""All datasets that the report reads."""


def write_report(tables: Tables) -> str:
    """The HTML page. A section lacks that needs a table which is missing or None, and the page says so at its end.

    Raises InputError where no section can be written.
    """
    there = {name for name, table in tables.items() if table is not None}
    told = [module for module in SECTIONS if there.issuperset(module.NEEDS)]
    if not told:
        raise InputError(f"Expected the tables of a run ({listing(NEEDED)}), but got {listing(sorted(there))}; run it.")
    sections = [(_anchor(module.TITLE), module.TITLE, module.section(tables)) for module in told]
    plotly = _plotly() if any(isinstance(part, Plot) for _, _, parts in sections for part in parts) else Markup()
    page = load_template("reporting", "report.html.jinja", shown=shown, signed=signed).render(
        title=TITLE,
        head=head.describe({name: tables[name] for name in there}),
        sections=[section for section in sections if section[2]],
        left_out=[
            (module.TITLE, listing(sorted(set(module.NEEDS) - there))) for module in SECTIONS if module not in told
        ],
        plotly_js=plotly,
        version=version("docsort"),
    )
    return page.replace(FONTS_HERE, _font_faces(page.replace(plotly, "")), 1)


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _font_faces(page: str) -> str:
    """CSS of fonts with the letters of the page that not every machine has."""
    addresses = [data_url("font/woff", font) for font in fonts_of(page)]
    return "\n".join(f'@font-face {{ font-family: "{EMBEDDED}"; src: url({own}); }}' for own in addresses)


def _plotly() -> Markup:
    from plotly.offline import get_plotlyjs  # takes half a second to import

    return Markup(get_plotlyjs())
