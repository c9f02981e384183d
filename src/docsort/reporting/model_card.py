"""The model card: what a user must know before trusting the model, in Markdown.

Follows the headings of Mitchell et al., "Model Cards for Model Reporting" (2019), as far as they apply.
"""

import platform
import re
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from docsort.reporting.confidence_words import abstention_in_words, error_in_words
from docsort.reporting.model_records import has_a_say
from docsort.reporting.scores import Scores
from docsort.versions import versions_of

PACKAGES = ("docsort", "torch", "timm", "albumentations", "augraphy", "scikit-learn", "numpy", "pandas")

WORST_SHOWN = 5

MARKUP = re.compile(r"[\\|\[\]*`]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What makes tables, links, pictures, code and emphasis of text; GitHub makes links of addresses, too."""

LIMITS = """\
- The answer is always one of the types above: a page of any other kind gets one of them too, often with confidence.
- Confidences are calibrated for pages like the test images of this run, not for pages of any other kind.
- Pages in `needs_review.csv` should be looked at by a person.
- The forecast assumes that new pages look like the test images of this run. Other cameras, languages, forms or layouts
  need a validation of their own.
- Classes with few training photos have wide uncertainty of their own; see the table of classes in the report.
"""

MISUSE = """\
- Deciding about a person, a claim or a payment without a person looking at the page.
- Proving that a document is genuine: it is told apart by its looks, not checked.
"""

UNREAD = "- Reading or storing personal data: the model sorts pages, it does not read them.\n"
"""Where no member reads."""

READ = {
    True: "What was read of the training and validation pages is kept as text",
    False: "What was read is kept as hashed n-grams alone, of which no page can be read",
}
"""Whether text is kept."""


def write_model_card(
    scores: Scores,
    class_scores: pd.DataFrame,
    verdicts: pd.DataFrame,
    models: Mapping[str, Mapping[str, Any]],
    clean_images: pd.DataFrame,
    readers: Mapping[str, bool] | None = None,
) -> str:
    """Markdown. models: name to facts of each trained model, such as the record of its checkpoint; only facts that are
    single values are shown. readers: whether text is kept, by name of each member that reads.
    """
    parts = [
        "# Model card",
        scores["expect"],
        "## What it is",
        f"A classifier of document photos into {len(class_scores)} types, an ensemble of "
        f"{sum(map(has_a_say, models.values()))} models, each "
        "trained on the sources that its fold did not hold out. A member `kernel` learns from edges and colours, "
        "without a network. Networks are asked about a page in as many dihedral views as were found worth it out of "
        "fold, and all answers are averaged.",
        "The types: " + ", ".join(_cell(name) for name in class_scores["class_name"]) + ".",
        markdown_table(*_model_table(models)),
        *late_in_words(models),
        "## Training data",
        _data_in_words(clean_images),
        *reading_in_words(readers or {}),
        "## Scores",
        markdown_table(*_score_table(scores)),
        "Validation pages were held out, with all near-duplicates, from the model that answered them. The "
        "test-like condition damages them as test images are damaged; models and specialists are chosen on it."
        " The forecast is against right labels, with the mean of all models, on the test images as they differ from "
        "test-like pages; all three are estimated without a label of theirs."
        + (" Pages set aside were seen by no training, gate or calibration." if "holdout" in scores else "")
        + (f" The gap, forecast minus test, is {scores['gap']:+.4f}." if "gap" in scores else ""),
        f"The {min(WORST_SHOWN, len(class_scores))} weakest classes on the test-like condition:",
        markdown_table(*_weakest(class_scores)),
        "## Specialists",
        markdown_table(*_verdict_table(verdicts)) if len(verdicts) else "None was trained: the data has no such group.",
        "## Confidence",
        error_in_words(scores["calibration"]) + " " + abstention_in_words(scores["review"]),
        "## Limits",
        LIMITS.rstrip(),
        "## Not to be used for",
        (MISUSE + ("" if readers else UNREAD)).rstrip(),
        "## Versions",
        markdown_table(("package", "version"), {"python": platform.python_version(), **versions_of(PACKAGES)}.items()),
    ]
    return "\n\n".join(parts) + "\n"


def late_in_words(models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A paragraph on late members; none where there are none."""
    words = (
        "Models with `pages_asked` are asked only where the others are unsure, about so many test-like pages out of "
        "fold; `gain` is what that adds to the macro-F1, nested, with its interval. Those that are not `accepted` have "
        "no say."
    )
    return [words] if any("pages_asked" in record for record in models.values()) else []


def reading_in_words(readers: Mapping[str, bool]) -> list[str]:
    """Heading and paragraph on what is read of pages; empty where nothing is."""
    kept = [
        f"The member `{name}` reads the words on pages, which are personal data. {READ[keeps]}, in the data folder of "
        "the run; the tracking server gets none of it."
        for name, keeps in readers.items()
    ]
    words = (
        "The n-grams and titles that count for a class lie with the model, some of which may be names; with hashed "
        "n-grams they cannot be read."
    )
    return ["## What it reads", " ".join([*kept, words])] if kept else []


def _data_in_words(clean_images: pd.DataFrame) -> str:
    photos = clean_images["label"].value_counts()
    changed = int((clean_images["label"] != clean_images["given_label"]).sum())
    return (
        f"{len(clean_images)} photos of {clean_images['group'].nunique()} groups of sources (near-duplicates share "
        f"one), {photos.min()} to {photos.max()} per class. {changed} labels were changed by the ledger. "
        "The models were trained on augmented copies of them."
    )


def markdown_table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; text cannot break out of its cell or become HTML, a link or a picture."""
    lines = [[_cell(column) for column in columns]]
    lines.append(["---"] * len(lines[0]))
    lines += [[_cell(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _model_table(models: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Facts that are single values, the columns in the order they are first met."""
    facts = [key for record in models.values() for key, value in record.items() if isinstance(value, str | int | float)]
    columns = list(dict.fromkeys(facts))
    return ["model", *columns], [[name, *(record.get(key, "") for key in columns)] for name, record in models.items()]


def _score_table(scores: Scores) -> tuple[list[str], list[list[Any]]]:
    blocks = {
        "forecast, all models": scores["validation"]["test_like"],
        "test-like validation, one model": scores["validation"]["one_model"]["test_like"],
        "clean validation, one model": scores["validation"]["one_model"]["clean"],
    }
    for condition, block in scores.get("holdout", {}).items():
        blocks[f"set aside, {condition.replace('_', '-')}, all models"] = block
    if "test" in scores:
        blocks["test"] = scores["test"]
    columns = ["condition", "macro-F1", f"{scores['confidence'] * 100:g} % interval", "accuracy", "pages"]
    return columns, [
        [name, block["macro_f1"], "{:.4f} to {:.4f}".format(*block["interval"]), block["accuracy"], block["n"]]
        for name, block in blocks.items()
    ]


def _weakest(class_scores: pd.DataFrame) -> tuple[list[str], list[list[Any]]]:
    worst = class_scores.sort_values("test_like_f1", kind="stable").head(WORST_SHOWN)
    figures = ["test_like_f1", "test_like_precision", "test_like_recall", "test_like_support"]
    rows = worst[["target", "class_name", *figures]].astype(object).to_numpy().tolist()
    return ["class", "name", "F1", "precision", "recall", "pages"], rows


def _verdict_table(verdicts: pd.DataFrame) -> tuple[list[str], list[list[Any]]]:
    columns = ["group_name", "classes", "routing", "trigger", "before", "after", "delta", "reason"]
    return ["group", *columns[1:]], verdicts[columns].astype(object).to_numpy().tolist()


def _cell(value: Any) -> str:
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    text = MARKUP.sub(r"\\\g<0>", " ".join(text.split()))
    return text.replace("&", "&amp;").replace("<", "&lt;")
