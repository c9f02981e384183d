"""What went in, and what was decided about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from docsort.reporting.parts import Heading, Part, Table, Tables, table_of, when
from docsort.reporting.shortcut import shortcut_in_words

TITLE = "Data"
NEEDS = ("data_summary", "shortcut", "scores", "label_gains")


def section(tables: Tables) -> Sequence[Part]:
    """Counts, then what there is of the rest."""
    data, gains = tables["data_summary"], tables["label_gains"]
    shortcut = shortcut_in_words(tables["shortcut"], tables["scores"]["validation"]["clean"]["macro_f1"])
    decisions = Table(["action", "rows"], list(data["decisions"].items()))
    batches = (
        "Macro-F1 on test-like pages, out of fold: before, of the earlier models by the labels of their time; judged "
        "anew, of the same answers by the labels now; after, of the present models. The gain is after less judged anew."
    )
    return [
        Table(["count of", ""], list(data["counts"].items())),
        *when(shortcut, Heading("Is there a shortcut?"), shortcut),
        *when(data["decisions"], Heading("Decisions in the label ledger"), decisions),
        *when(len(gains), Heading("What each batch of label fixes was worth"), batches, table_of(gains)),
        Heading("Training photos per class"),
        _rows(data["class_counts"], "class name photos"),
        *when(
            data["rejected"], Heading("Photos that could not be read"), _rows(data["rejected"], "image split reason")
        ),
        *when(
            data["suspects"],
            Heading("Labels that look wrong, most suspicious first"),
            _rows(data["suspects"], "image label proposed score evidence"),
        ),
    ]


def _rows(rows: Sequence[Mapping[str, Any]], columns: str) -> Table:
    return Table(columns.split(), [list(row.values()) for row in rows])
