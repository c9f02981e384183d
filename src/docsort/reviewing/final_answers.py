"""The final answers: what an ensemble answered, and over it what a person decided. A page is known by what it holds."""

import logging

import pandas as pd

from docsort.errors import listing
from docsort.ingestion.pages import page_digest

log = logging.getLogger(__name__)

DECIDED = ("model_target", "decision", "decided_by")
"""Columns of final answers: what the ensemble answered; a person's action on it, and who; empty where nobody looked."""

SETTLED = ("keep", "relabel", "drop")
"""Actions after which nobody need look again."""


def decide_answers(answers: pd.DataFrame, decided: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The answers with a person's `target` in place of the ensemble's, missing where the page is of no class, and with
    the columns DECIDED; and a sentence that says how many changed, and names the decisions whose page is not there.

    answers: columns page, sha256 (empty: of no page that was seen), target. decided: `cleaning.ledger.resolve_answers`.
    """
    by_page = decided.set_index("sha256")
    known = answers["sha256"].isin(by_page.index)
    action, who = (
        answers["sha256"].map(by_page[name]).astype(object).where(known, "") for name in ("action", "decided_by")
    )
    said = answers["sha256"].map(by_page["answer"]).astype("Int64")
    target = answers["target"].astype("Int64")
    final = answers.assign(
        target=said.where(said.notna(), target).mask(action == "drop"),
        model_target=target,
        decision=action,
        decided_by=who,
    )
    return final, _told(final, decided[~decided["sha256"].isin(answers["sha256"])])


def decide_sheet(sheet: pd.DataFrame, photos: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """An answer sheet (ID, target) with a person's answers; what is of no class keeps the ensemble's, for a sheet must
    answer with one. photos: image_id and path of each row. Tells the log what `decide_answers` says."""
    if decided.empty:
        return sheet
    paths = dict(zip(photos["image_id"], photos["path"], strict=True))
    pages = sheet.rename(columns={"ID": "page"})
    final, told = decide_answers(pages.assign(sha256=[page_digest(paths[name]) for name in sheet["ID"]]), decided)
    log.info("%s", told)
    target = final["target"].fillna(final["model_target"])
    return sheet.assign(target=target.astype("int64"))


def _told(final: pd.DataFrame, lost: pd.DataFrame) -> str:
    counts = final["decision"].value_counts()
    changed = int((final["decision"] == "relabel").sum())
    words = {"keep": "confirmed", "drop": "of no class", "undecided": "undecided"}
    rest = "".join(f", {counts[action]} {word}" for action, word in words.items() if action in counts)
    gone = f" {len(lost)} decisions are about pages that are not there: {listing(lost['image_id'])}."
    return f"Of {len(final)} answers a person changed {changed}{rest}.{gone if len(lost) else ''}"
