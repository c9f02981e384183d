"""Cards of answers that a person should look at, and the ledger that decisions on them go to.

A page is known by the SHA-256 of what was answered, so a renamed photo keeps its decision, and copies of one page are
one card.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from docsort.errors import InputError, listing
from docsort.files import write_atomically
from docsort.ingestion.pages import page_digest
from docsort.ingestion.reviewed_pages import find_pages
from docsort.labels import find_target
from docsort.reviewing.cards import Card, Guess, kind_of
from docsort.reviewing.decisions import LedgerFile
from docsort.reviewing.review import Review
from docsort.stores import Store
from docsort.tables import ANSWER_LEDGER, probability_columns, targets_of

GUESSES = 3
"""Shown of each page, the likeliest first."""

ANSWERED = ("page", "file", "sha256", "ensemble", "target", "class_name", "confidence", "needs_review", "why")
"""What a card is made of, followed by p_<target>: columns of what `docsort predict` writes."""

WORDS = {
    "title": "Answer review",
    "keep": "right",
    "drop": "no such class",
    "undecided": "undecided",
    "kept": "right",
    "relabelled": "another class",
    "dropped": "no such class",
}


class AnswerReview(Review):
    """A review of answers: the ledger has names of classes, which outlive the numbers of one ensemble."""

    words = WORDS

    def label(self, target: int) -> str:
        """As the ledger is to have it."""
        return str(self.classes.set_index("target")["class_name"][target])


def open_ledger(path: Path) -> LedgerFile:
    """The ledger of answers at this path, begun where there is none. Raises InputError where it is no such ledger."""
    if not path.exists():
        write_atomically(path, (",".join(ANSWER_LEDGER) + "\n").encode())
    ledger = LedgerFile(path, {}, ANSWER_LEDGER, "sha256")
    ledger.read()
    return ledger


def check_classes(answers: pd.DataFrame, classes: pd.DataFrame) -> None:
    """Raises InputError unless these answers (columns ANSWERED) are of these classes."""
    names = {name: find_target(classes, str(name)) for name in answers["class_name"].unique()}
    numbers = dict(zip(answers["class_name"], answers["target"], strict=True))
    strange = [f"{numbers[name]} {name}" for name, target in names.items() if target != numbers[name]]
    strange += [str(t) for t in targets_of(probability_columns(answers)) if t not in set(classes["target"])]
    if strange:
        raise InputError(
            f"Expected answers of the classes of the ensemble, but it has no {listing(strange)}; name the ensemble "
            "that answered with --ensemble."
        )


def list_test_answers(
    answers: pd.DataFrame, photos: pd.DataFrame, rejected: pd.DataFrame, sheet: pd.DataFrame, stamp: str
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The answers of a run on its test images with the columns ANSWERED, and where they can be seen, by SHA-256.

    answers: ANSWERS of those that can be read; photos: PHOTOS; rejected: REJECTED_IMAGES; sheet: ID, target of all;
    stamp: fingerprint of the ensemble.
    """
    lost = rejected[rejected["split"] == "test"]
    unread = pd.DataFrame({"image_id": lost["image_id"], "confidence": 0.0, "needs_review": True})
    unread["why"] = "unreadable: " + lost["reason"].astype(str)
    unread["target"] = unread["image_id"].map(sheet.set_index("ID")["target"]).astype("int64")
    table = pd.concat([answers, unread] if len(unread) else [answers], ignore_index=True)
    asked = table[table["needs_review"].astype(bool)].rename(columns={"image_id": "page"})
    files = asked["page"].map(photos.set_index("image_id")["path"])
    asked = asked.assign(file=files, sha256=files.map(page_digest), ensemble=stamp)
    return asked, dict(zip(asked["sha256"], asked["file"], strict=True))


def find_pictures(answers: pd.DataFrame, store: Store) -> tuple[dict[str, str], list[str]]:
    """Where the pages that need review can be seen, by SHA-256, and the names of those that are not there, have
    changed since, or are pages of a file that cannot be read.

    store: where files of several pages are taken apart. Raises InputError where none is left.
    """
    asked = answers[answers["needs_review"].astype(bool)]
    pages = find_pages(map(str, asked["file"]), store)
    gone = asked.loc[~asked["sha256"].isin(list(pages)), "page"].tolist()
    if len(asked) and len(gone) == len(asked):
        raise InputError(
            f"Expected the pages that need review to be where they were answered, but all {len(gone)} are gone or have "
            f"changed, such as {gone[0]}; start this in the folder where the answers were made."
        )
    return pages, gone


def make_answer_cards(answers: pd.DataFrame) -> list[Card]:
    """A card per page that needs review, the least sure first, those that cannot be read last; columns ANSWERED."""
    asked = answers[answers["needs_review"].astype(bool) & (answers["sha256"] != "")]
    columns = probability_columns(asked)
    unread = asked[columns[0]].isna() if columns else asked["confidence"] == 0
    ordered = asked.assign(_unread=unread).sort_values(["_unread", "confidence", "page"], kind="stable")
    copies = ordered.groupby("sha256").size()
    rows = ordered.drop_duplicates("sha256").to_dict("records")
    return [_card({str(name): value for name, value in row.items()}, columns, copies[row["sha256"]]) for row in rows]


def _card(row: Mapping[str, object], columns: Sequence[str], copies: int) -> Card:
    guesses = [Guess(label=int(c[2:]), probability=float(str(row[c]))) for c in columns if row[c] == row[c]]
    guesses = sorted(guesses, key=lambda guess: (guess["label"] != row["target"], -guess["probability"]))[:GUESSES]
    evidence = [part for part in (text.strip() for text in str(row["why"]).split(";")) if part]
    answered = int(str(row["target"]))
    second = guesses[1]["label"] if len(guesses) > 1 else None
    return Card(
        image_id=str(row["sha256"]),
        data_label=answered,
        given_label=answered,
        proposed_label=second,
        score=float(str(row["confidence"])),
        p_given=None,
        p_proposed=None,
        evidence=evidence,
        kinds=sorted({kind_of(part) for part in evidence}),
        neighbours=[],
        name=f"{row['page']}{f' and {copies - 1} more like it' if copies > 1 else ''}",
        guesses=guesses,
        cells={
            "image_id": str(row["page"]),
            "confidence": f"{row['confidence']:.6f}",
            "file": str(Path(str(row["file"])).absolute()),
            "ensemble": str(row["ensemble"]),
        },
    )
