"""The gain of each batch of label fixes: earlier and present models, paired on the same pages.

A batch is all that changed in the labels between two runs. Both runs' answers on test-like pages, out of fold, are
compared against the labels as they are now: the earlier models learnt the old ones, the present ones the new. Judging
by corrected labels changes a score too, so that part stands apart: it is no gain of any model.
"""

from collections.abc import Iterable

import pandas as pd

from docsort.cleaning.ledger import full_ids
from docsort.gates import Gain, macro_f1_gain
from docsort.metrics import macro_f1
from docsort.reporting.parameters import ReportingParameters
from docsort.seeding import derive_seed

BASELINE = ("render_id", "image_id", "group", "label", "predicted", "recipe")
"""What a run answered on its test-like pages, and the labels it learnt; recipe: fingerprint of how it trained."""

LABEL_GAINS = (
    "batch",
    "images",
    "decided_by",
    "pages",
    "before",
    "judged_anew",
    "after",
    "gain",
    "low",
    "high",
    "verdict",
)
"""One row per batch, the oldest first. images: whose label changed, that left or came back. pages: test-like, that both
runs answered. Macro-F1: before, of the earlier models by the labels of their time; judged_anew, of the same answers by
the labels now; after, of the present models. gain = after - judged_anew, low and high its interval."""

COMPARED = "test_like"


def baseline_of(votes: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """The table BASELINE of this run's votes (`ensembling.votes.VOTES`)."""
    seen = votes[votes["condition"] == COMPARED].assign(recipe=recipe)
    return seen[list(BASELINE)].reset_index(drop=True)


def add_label_gain(
    gains: pd.DataFrame,
    earlier: pd.DataFrame,
    now: pd.DataFrame,
    label_fixes: pd.DataFrame,
    parameters: ReportingParameters,
    seed: int,
) -> pd.DataFrame:
    """LABEL_GAINS with one row more, where any label changed between two baselines; the same table otherwise. Empty
    where the run before has answered none of these pages: it was about other data, and so were its batches.

    earlier: BASELINE of the run before, empty at the first.
    """
    changed = _changed_images(earlier, now)
    if earlier.empty or not changed:
        return gains
    both = now.merge(earlier, on="render_id", suffixes=("", "_before"), validate="one_to_one")
    if both.empty:
        return gains.head(0)
    batch = len(gains) + 1
    gain = macro_f1_gain(
        both["label"],
        both["predicted_before"],
        both["predicted"],
        both["group"],
        parameters.draws,
        derive_seed(seed, "label gain", batch),
        parameters.confidence,
    )
    same_recipe = set(earlier["recipe"]) == set(now["recipe"])
    row = {
        "batch": batch,
        "images": len(changed),
        "decided_by": _who(label_fixes, changed),
        "pages": len(both),
        "before": macro_f1(both["label_before"], both["predicted_before"]),
        "judged_anew": macro_f1(both["label"], both["predicted_before"]),
        "after": macro_f1(both["label"], both["predicted"]),
        "gain": gain.delta,
        "low": gain.low,
        "high": gain.high,
        "verdict": _verdict(gain, same_recipe),
    }
    added = pd.DataFrame([row], columns=list(LABEL_GAINS))
    return added if gains.empty else pd.concat([gains, added], ignore_index=True)


def _changed_images(earlier: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """Images whose label differs, and those that are in one of the two only."""
    old, new = (
        dict(zip(table["image_id"].astype(str), table["label"].astype(int), strict=True)) for table in (earlier, now)
    )
    return sorted(image for image in old.keys() | new.keys() if old.get(image) != new.get(image))


def _who(label_fixes: pd.DataFrame, images: Iterable[str]) -> str:
    """Who decided about these images, as the ledger has it; ids there may lack the file's extension."""
    ids = full_ids(pd.DataFrame({"image_id": list(images)}))
    names = label_fixes.loc[label_fixes["image_id"].astype(str).isin(list(ids)), "decided_by"]
    return ", ".join(sorted({str(name) for name in names.dropna() if str(name)}))


def _verdict(gain: Gain, same_recipe: bool) -> str:
    if not same_recipe:
        return "cannot be told: the recipe changed too"
    word = "helped" if gain.accepted else "harmed" if gain.high < 0 else "may be luck"
    return f"{word}: {gain.in_words('the gain in macro-F1')}"
