"""What reading the pages is worth, and what was read."""

from collections.abc import Sequence

from docsort.reporting.parts import Closed, Part, Picture, Pictures, Quiet, Table, Tables, source_of
from docsort.reporting.read_pages import LARGEST, open_pages
from docsort.reporting.reading_worth import worth_in_words

TITLE = "Reading"
NEEDS = ("reading", "reading_lines", "validation_renders", "classes", "params:reporting")


def section(tables: Tables) -> Sequence[Part]:
    """Nothing where no member reads. What was read stands in closed parts."""
    reading, limit = tables["reading"], tables["params:reporting"].read_pages
    if not reading.get("readers"):
        return []
    told = worth_in_words(reading["worth"]) or (
        "A member reads the pages and counts in the vote as any other does; what it weighs stands at the top."
    )
    pages = open_pages(reading, tables["reading_lines"], tables["validation_renders"], tables["classes"], limit)
    if not pages:
        nothing = "No page is shown: of what was read nothing is kept but hashed n-grams, or there is no text."
        return [told, Quiet(nothing)]
    return [
        told,
        "Open a page to see what was read of it; first those whose answer reading changes. What was read is "
        "personal data: it stands on this page, in reading_lines.csv and in the store of texts below data_root, and "
        "nowhere else.",
        *(
            Closed(
                page.title,
                [
                    Pictures([Picture([source_of(page.picture, LARGEST)], "The lines that were read")], width=420),
                    Table(["line", "confidence"], page.lines),
                ],
            )
            for page in pages
        ),
    ]
