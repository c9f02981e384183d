"""The label ledger: decisions on labels, kept apart from the raw data and applied on top of it.

One row per decision (tables.LEDGER). `relabel` gives an image another class, `drop` leaves it out of training; `keep`
and `undecided` change nothing and record that somebody looked. A decision that does not fit the data is refused: a
ledger made for other data, or for data that has changed since, must not be applied in silence.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath

import pandas as pd

from docsort.errors import InputError, listing
from docsort.labels import find_target
from docsort.tables import ANSWER_LEDGER, LEDGER, check_columns

ACTIONS = ("relabel", "drop", "keep", "undecided")
CHANGING = ("relabel", "drop")
DIGEST = re.compile("[0-9a-f]{64}")


def apply_ledger(images: pd.DataFrame, ledger: pd.DataFrame, classes: pd.DataFrame) -> pd.DataFrame:
    """Training images (table IMAGES) with `given_label` and `label`, without the dropped ones.

    Raises InputError with all that is wrong with the ledger.
    """
    decisions = resolve_ledger(images, ledger, classes)
    labels = images["target"].astype("int64").to_numpy()
    labelled = images.assign(given_label=labels, label=labels).reset_index(drop=True)
    relabel = decisions[decisions["action"] == "relabel"].set_index("image_id")["new_target"]
    chosen = labelled["image_id"].isin(relabel.index)
    labelled.loc[chosen, "label"] = labelled.loc[chosen, "image_id"].map(relabel).astype("int64")
    dropped = decisions.loc[decisions["action"] == "drop", "image_id"]
    return labelled[~labelled["image_id"].isin(dropped)].reset_index(drop=True)


def resolve_ledger(
    images: pd.DataFrame, ledger: pd.DataFrame, classes: pd.DataFrame, name: str = "label_fixes"
) -> pd.DataFrame:
    """The ledger as text, with full image ids and a column `new_target` (Int64); ids may lack the file's extension.

    Labels are class numbers or names. `old_label` may be empty where the action changes nothing. Raises InputError, all
    problems together.
    """
    check_columns(ledger, LEDGER, name)
    table = pd.DataFrame({column: [_text(value) for value in ledger[column]] for column in LEDGER}, dtype=str)
    table["image_id"] = table["image_id"].map(full_ids(images)).fillna(table["image_id"])
    table["new_target"] = pd.array([find_target(classes, label) for label in table["new_label"]], dtype="Int64")
    given = dict(zip(images["image_id"].astype(str), images["target"].astype("int64"), strict=True))
    problems = [*_misnamed(table, given), *_unfit(table, given, classes), *_unclear(table)]
    if problems:
        lines = "\n".join(f"  - {line}" for line in problems)
        raise InputError(f"The label ledger does not fit the data; correct {name} and run again.\n{lines}")
    return table


def resolve_answers(ledger: pd.DataFrame, classes: pd.DataFrame, name: str = "answer_fixes") -> pd.DataFrame:
    """A ledger of answers (table ANSWER_LEDGER) as text, with a column `answer` (Int64): the class that a person says
    it is, missing for drop and undecided, which name none.

    A decision is about a page, whatever is answered of it today. Raises InputError, all problems together.
    """
    check_columns(ledger, ANSWER_LEDGER, name)
    odd = [text for text in ledger["sha256"] if not DIGEST.fullmatch(_text(text))]
    old = [find_target(classes, _text(label)) for label in ledger["old_label"]]
    strange = [label for label, target in zip(ledger["old_label"], old, strict=True) if target is None]
    problems = [f"sha256 that is none: {listing(map(repr, odd))}"] if odd else []
    problems += [f"old_label that is no class of the data: {listing(map(repr, strange))}"] if strange else []
    if problems:
        raise InputError(f"The ledger of answers does not fit the data; correct {name}: {'; '.join(problems)}.")
    pages = pd.DataFrame({"image_id": ledger["sha256"].map(_text), "target": pd.array(old, dtype="int64")})
    table = resolve_ledger(pages, ledger.assign(image_id=pages["image_id"]), classes, name)
    table = table.rename(columns={"image_id": "sha256"}).assign(
        image_id=ledger["image_id"].map(_text), file=ledger["file"].map(_text)
    )
    kept = pages["target"].where(table["action"] == "keep").astype("Int64")
    return table.assign(answer=table["new_target"].where(table["action"] == "relabel", kept))


def full_ids(images: pd.DataFrame) -> dict[str, str]:
    """Every id, and every id without its extension where that names one image only; in either Unicode form."""
    ids = images["image_id"].astype(str)
    stems = ids.map(lambda image_id: str(PurePosixPath(image_id).with_suffix("")))
    single = ~stems.duplicated(keep=False)
    names = dict(zip(stems[single], ids[single], strict=True)) | dict(zip(ids, ids, strict=True))
    other = {unicodedata.normalize(form, name): image for form in ("NFC", "NFD") for name, image in names.items()}
    return other | names


def _text(value: object) -> str:
    """A cell as text, where missing is empty."""
    return "" if value is None or value is pd.NA or value != value else str(value).strip()


def _misnamed(table: pd.DataFrame, given: dict[str, int]) -> Iterator[str]:
    """Images and actions that do not exist, and images decided upon twice."""
    unknown = table.loc[~table["image_id"].isin(list(given)), "image_id"]
    if len(unknown):
        yield f"images that the training data does not have: {listing(unknown)}"
    repeated = table[table["image_id"].duplicated(keep=False)]
    for image_id, rows in repeated.groupby("image_id"):
        decisions = (f"{row.action} {row.old_label}→{row.new_label} by {row.decided_by}" for row in rows.itertuples())
        yield f"more than one decision on {image_id}: {listing(decisions)}"
    odd = table[~table["action"].isin(ACTIONS)]
    if len(odd):
        named = (f"{row.action!r} ({row.image_id})" for row in odd.itertuples())
        yield f"actions other than {listing(ACTIONS)}: {listing(named)}"


def _unfit(table: pd.DataFrame, given: dict[str, int], classes: pd.DataFrame) -> Iterator[str]:
    """Labels that are not those of the data."""
    for row in table[table["image_id"].isin(list(given))].itertuples():
        truth = given[str(row.image_id)]
        required = row.old_label or row.action in CHANGING
        if required and find_target(classes, str(row.old_label)) != truth:
            yield f"old_label of {row.image_id} is {row.old_label!r}, but the data says {truth}"
        if (row.new_label or row.action == "relabel") and row.new_target is pd.NA:
            yield f"new_label of {row.image_id} is {row.new_label!r}, which is no class of the data"
        elif row.action == "relabel" and row.new_target == truth:
            yield f"new_label of {row.image_id} is the label it has, {truth}: the action for that is keep"


def _unclear(table: pd.DataFrame) -> Iterator[str]:
    """Decisions that say two things at once, or whose date cannot be read."""
    both = table[(table["action"] == "drop") & (table["new_label"] != "")]
    if len(both):
        yield f"drop with a new_label: {listing(both['image_id'])}"
    undated = [row.image_id for row in table.itertuples() if row.decided_on and not _is_date(str(row.decided_on))]
    if undated:
        yield f"decided_on is not a date like 2024-11-30: {listing(undated)}"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2024-11-30")
