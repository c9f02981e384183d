"""Test pages that a person should look at, and those that are like nothing that was learnt."""

from collections.abc import Sequence

import pandas as pd

from docsort.reporting.confidence_words import review_in_words
from docsort.reporting.parts import Closed, Heading, Part, Picture, Pictures, Tables, photo_source, table_of, when
from docsort.reporting.sections.mistakes import names_of

TITLE = "Needs review"
NEEDS = ("needs_review", "submission", "test_probabilities", "images", "params:reporting")

ROWS, PICTURES = 40, 24
"""Of the list, the least certain first."""


def section(tables: Tables) -> Sequence[Part]:
    """Pictures and a table of the list, then the most novel pages."""
    review, answers, limit = (
        tables["needs_review"],
        tables["test_probabilities"],
        tables["params:reporting"].novel_pages,
    )
    paths = dict(zip(tables["images"]["image_id"], tables["images"]["path"], strict=True))
    names = names_of(review.drop_duplicates("target"))
    asked = [
        (row["image_id"], f"{names[row['target']]} ({row['confidence']:.2f})") for row in review.to_dict("records")
    ]
    first = answers.dropna(subset=["novelty"]).sort_values(["novelty", "image_id"], ascending=[False, True]).head(limit)
    novel = [(row["image_id"], f"{row['novelty']:.3f} {row['image_id']}") for row in first.to_dict("records")]
    return [
        review_in_words(review, len(tables["submission"]), PICTURES),
        *_pictures(asked, paths, PICTURES),
        *when(len(review), _table(review)),
        *when(novel, Heading("The most novel test pages, with the share of held-out pages that are less novel")),
        *_pictures(novel, paths, limit),
    ]


def _pictures(pages: Sequence[tuple[str, str]], paths: dict[str, str], limit: int) -> Sequence[Part]:
    """Of those that can be read, which `images` lists."""
    there = [page for page in pages if page[0] in paths][:limit]
    return when(there, Pictures([Picture([photo_source(paths[name])], caption) for name, caption in there]))


def _table(review: pd.DataFrame) -> Part:
    columns = ["image_id", "target", "class_name", "confidence", "reason"]
    return Closed(f"The first {min(ROWS, len(review))} in words", [table_of(review.head(ROWS), columns)])
