"""The report: one HTML page that holds everything it shows and asks nothing of any other place.

Text from the data is escaped by jinja2; only the blocks built in this package (figures, plotly.js, embedded pictures)
are marked safe. plotly.js stands there once, about 4.5 MB.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from io import BytesIO
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup
from PIL import Image

from docsort.cleaning.drift import AUC_ROW, FEWEST
from docsort.errors import InputError, listing
from docsort.images.traits import TRAITS
from docsort.reporting.advice import advise
from docsort.reporting.confidence_words import confidence_tables, review_in_words
from docsort.reporting.figures import figure_html
from docsort.reporting.label_gains import LABEL_GAINS
from docsort.reporting.read_pages import ReadPage
from docsort.reporting.reading_worth import worth_in_words
from docsort.reporting.scores import Scores
from docsort.reporting.shortcut import shortcut_in_words
from docsort.reporting.summary import Summary
from docsort.templates import jpeg_url, load_template

FIGURES = (
    "confusion_matrix",
    "learning_curves",
    "class_scores",
    "specialist_verdicts",
    "candidates",
    "view_curve",
    "reliability",
    "risk_coverage",
    "drift",
    "projection",
)

SECTIONS = (
    ("scores", "Scores"),
    ("next", "What next"),
    ("classes", "Classes"),
    ("confusion", "Confusion"),
    ("mistakes", "Mistakes"),
    ("explained", "What models see"),
    ("training", "Training"),
    ("specialists", "Specialists"),
    ("reading", "Reading"),
    ("views", "Views"),
    ("candidates", "Candidates"),
    ("data", "Data"),
    ("drift", "Drift"),
    ("confidence", "Confidence"),
    ("review", "Needs review"),
)

CONDITION_NAMES = {"test_like": "test-like validation", "clean": "clean validation", "test": "test"}
ALL_MODELS, ONE_MODEL = "all models", "one model, out of fold"

EXPLANATIONS = {
    "explained_mistakes": "The surest mistakes: the page, the heat of the answer, the heat of the true class",
    "explained_answers": "The surest right answers, class by class: the page, the heat of the answer",
    "confused_pairs": "The most confused pairs of classes: the page, the nearest learnt page of the class that it was "
    "taken for, the nearest of its own",
    "novel_pages": "The most novel test pages, with the share of held-out pages that are less novel",
}
"""Pictures of what the models see, and their titles."""

GALLERIES = {"misclassified": "Validation pages that were got wrong, the surest mistakes first"}
"""Pictures of mistakes, and their titles."""

WAYS_IN_WORDS = {
    "stacked": ("Weights by stacking", "equal weights"),
    "selected": ("Weights by greedy selection", "stacked weights"),
    "routed": ("Leaving each page to the model that is best at its first guess", "stacked weights"),
    "logistic": ("Logistic regression on the models' log-probabilities", "stacked weights"),
}
"""What each way to weigh the models is called, and what its gain is over."""

REVIEW_SHOWN = 40
TRAITS_SHOWN = 12
TRAIT_COUNT = len(TRAITS)
GAP_AIM = 0.01
"""The project's aim for the gap between test-like validation and test."""

JPEG_QUALITY = 82


@dataclass(frozen=True)
class ReportParts:
    """What the report shows.

    scores: of `score_run` and `score_confidences`; class_scores: of `tabulate_class_scores`; candidates, selection: of
    `ensembling.candidates` and `ensembling.selection`; data: of `summarise_data`; label_gains: LABEL_GAINS; figures: by
    the names FIGURES; damage, damage_fit: of `augmentation.damage_fit`; galleries: caption to picture;
    explanations: by the names EXPLANATIONS, any of them; test_count: rows of the submission; reading: of
    `reading_worth.tell_reading`; read_pages: of `read_pages.open_pages`; shortcut: of `shortcut.probe_shortcut`.
    """

    scores: Scores
    class_scores: pd.DataFrame
    verdicts: pd.DataFrame
    candidates: pd.DataFrame
    selection: Mapping[str, Any]
    data: Summary
    label_gains: pd.DataFrame
    drift: pd.DataFrame
    damage: Mapping[str, Any]
    damage_fit: pd.DataFrame
    needs_review: pd.DataFrame
    test_count: int
    figures: Mapping[str, go.Figure]
    galleries: Mapping[str, Image.Image]
    title: str = "Docsort report"
    explanations: Mapping[str, Image.Image] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)
    shortcut: Mapping[str, Any] = field(default_factory=dict)
    read_pages: Sequence[ReadPage] = ()


def by_kind(drawn: Mapping[str, go.Figure | Image.Image]) -> dict[str, Any]:
    """The parts `figures`, `galleries` and `explanations` of what was drawn, by the names of the datasets."""
    pictures = {name: each for name, each in drawn.items() if isinstance(each, Image.Image)}
    return {
        "figures": {name.removesuffix("_figure"): each for name, each in drawn.items() if isinstance(each, go.Figure)},
        "galleries": {title: pictures[name] for name, title in GALLERIES.items() if name in pictures},
        "explanations": {name: each for name, each in pictures.items() if name not in GALLERIES},
    }


def write_report(parts: ReportParts) -> str:
    """The HTML page. Raises InputError when a figure is missing."""
    from plotly.offline import get_plotlyjs  # takes half a second to import

    missing = [name for name in FIGURES if name not in parts.figures]
    if missing:
        raise InputError(f"Expected the figures {listing(FIGURES)}, but {listing(missing)} is missing; draw it first.")
    template = load_template("reporting", "report.html.jinja", shown=_shown)
    return template.render(
        title=parts.title,
        version=version("docsort"),
        sections=[section for section in SECTIONS if section[0] != "reading" or _is_read(parts)],
        scores=parts.scores,
        level=f"{parts.scores['confidence'] * 100:g} %",
        gap_in_words=gap_in_words(parts.scores),
        advice=advise(
            parts.scores, parts.class_scores, parts.data, parts.candidates, parts.needs_review, _is_read(parts)
        ),
        plotly_js=Markup(get_plotlyjs()),
        figures={name: Markup(figure_html(figure, name)) for name, figure in parts.figures.items()},
        galleries=[(caption, picture_url(picture)) for caption, picture in parts.galleries.items()],
        explanations=[
            (title, picture_url(parts.explanations[name]))
            for name, title in EXPLANATIONS.items()
            if name in parts.explanations
        ],
        reading_in_words=worth_in_words(parts.reading["worth"]) if _is_read(parts) else None,
        read_pages=[(page.title, picture_url(page.picture), page.lines) for page in parts.read_pages],
        **_score_tables(parts),
        **_candidate_tables(parts),
        **confidence_tables(parts.scores),
        **_data_tables(parts),
    )


def gap_in_words(scores: Scores) -> str:
    """What the difference between forecast and test means; empty without a test score."""
    if "test" not in scores:
        return ""
    gap, (low, high) = scores["gap"], scores["validation"]["test_like"]["interval"]
    place = "inside" if low <= scores["test"]["macro_f1"] <= high else "outside"
    if abs(gap) <= GAP_AIM:
        return f"within the aim of {GAP_AIM:g}; the test score is {place} the forecast's interval"
    word = "promised too much" if gap > 0 else "promised too little"
    return f"validation {word}; the test score is {place} the forecast's interval"


def drift_in_words(drift: pd.DataFrame) -> str:
    """How well test photos can be told from training photos."""
    if drift.empty:
        return "There are no test photos to compare with the training photos."
    together = drift.loc[drift["measure"] == AUC_ROW, "ks"].tolist()
    told = (
        f"By all measures together a classifier tells a test photo from a training photo with an AUC of "
        f"{together[0]:.3f}; 0.5 would mean that it cannot, 1 that it always can."
        if together
        else f"With fewer than {FEWEST} photos of either no classifier was asked to tell them apart."
    )
    return f"How test photos differ from training photos. {told}"


def damage_in_words(damage: Mapping[str, Any]) -> str:
    """How near the damaged validation pages come to the test images."""
    if not damage["auc"]:
        return "The damage of the test-like pages was not fitted to test images: it is as the parameters say."
    auc = damage["auc"]
    used = "The fitted one is used." if damage["fitted"] else "The fit came no nearer, so the parameters are used."
    return (
        f"Test photos are told from undamaged training photos with an AUC of {auc['undamaged']:.3f} by {TRAIT_COUNT} "
        f"traits, from photos with the damage that the parameters begin with of {auc['before']:.3f}, with the fitted "
        f"damage of {auc['after']:.3f}; 0.5 would mean that they cannot be told apart. {used}"
    )


def _span(value: object) -> str:
    return " to ".join(_shown(end) for end in value) if isinstance(value, list | tuple) else _shown(value)


def picture_url(picture: Image.Image) -> Markup:
    """The picture as a data URL, JPEG."""
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return jpeg_url(buffer.getvalue())


def _is_read(parts: ReportParts) -> bool:
    """Whether some member reads."""
    return bool(parts.reading.get("readers"))


def _score_tables(parts: ReportParts) -> dict[str, Any]:
    validation, test, aside = parts.scores["validation"], parts.scores.get("test"), parts.scores.get("holdout", {})
    blocks = [
        ("forecast of the test score", ALL_MODELS, validation["test_like"]),
        *((CONDITION_NAMES[name], ONE_MODEL, block) for name, block in validation["one_model"].items()),
        *((f"set aside, {name.replace('_', '-')}", ALL_MODELS, block) for name, block in aside.items()),
        *([(CONDITION_NAMES["test"], ALL_MODELS, test)] if test is not None else []),
    ]
    rows = [
        (name, by, block["macro_f1"], *block["interval"], block["accuracy"], block["n"], block["groups"])
        for name, by, block in blocks
    ]
    conditions = [name for name in CONDITION_NAMES if f"{name}_f1" in parts.class_scores.columns]
    figures = [f"{name}_f1" for name in conditions] + [
        f"test_like_{name}" for name in ("precision", "recall", "support")
    ]
    figures_of_verdicts = ["before", "after", "delta", "low", "high", "fitted_delta"]
    rule = ["routing", "trigger", "threshold", "weight", "pages_touched", "pages_changed"]
    verdicts = ["group_name", "classes", *figures_of_verdicts, *rule, "reason"]
    return {
        "condition_columns": ["condition", "answered by", "macro-F1", "from", "to", "accuracy", "pages", "groups"],
        "condition_rows": rows,
        "class_columns": [
            "class",
            "name",
            *(column.replace("_", " ").replace("test like", "test-like") for column in figures),
        ],
        "class_rows": _records(parts.class_scores, ["target", "class_name", *figures]),
        "verdict_columns": [column.replace("_", " ") for column in verdicts],
        "verdict_rows": _records(parts.verdicts, verdicts),
    }


def selection_in_words(selection: Mapping[str, Any]) -> str:
    """How much each model counts, and what each way to weigh them would be worth, fitted and nested."""
    if len(selection["models"]) == 1:
        return "There is one model, so there is nothing to weigh."
    sentences = [f"Weights in use: {selection['used']}; {selection['reason']}."]
    for way, (name, over) in WAYS_IN_WORDS.items():
        block = selection[way]
        shares = "" if way == "routed" else f" ({_shares(block['plan']['weights'])})"
        sentences.append(
            f"{name}{shares} would gain {_shown(block['fitted_gain'])} in macro-F1 over {over} on the pages that they "
            f"were chosen on, and {_shown(block['nested_gain'])} ({_shown(block['low'])} to {_shown(block['high'])}) "
            "on pages that they were not."
        )
    return " ".join(sentences)


def _shares(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())


def _candidate_tables(parts: ReportParts) -> dict[str, Any]:
    columns = [column for column in parts.candidates.columns if column != "p"]
    return {
        "selection_in_words": selection_in_words(parts.selection),
        "candidate_columns": [column.replace("_", " ") for column in columns],
        "candidate_rows": _records(parts.candidates, columns),
    }


def _data_tables(parts: ReportParts) -> dict[str, Any]:
    return {
        "data": parts.data,
        "shortcut_in_words": shortcut_in_words(parts.shortcut, parts.scores["validation"]["clean"]["macro_f1"]),
        "class_count_rows": [row.values() for row in parts.data["class_counts"]],
        "rejected_rows": [row.values() for row in parts.data["rejected"]],
        "suspect_rows": [row.values() for row in parts.data["suspects"]],
        "gain_columns": [column.replace("_", " ") for column in LABEL_GAINS],
        "gain_rows": _records(parts.label_gains, list(LABEL_GAINS)),
        "drift_columns": [str(column).replace("_", " ") for column in parts.drift.columns],
        "drift_rows": _records(parts.drift[parts.drift["measure"] != AUC_ROW], list(parts.drift.columns)),
        "drift_in_words": drift_in_words(parts.drift),
        "damage_in_words": damage_in_words(parts.damage),
        "damage_rows": [(name.replace("_", " "), _span(value)) for name, value in parts.damage["parameters"].items()],
        "trait_columns": [str(column).replace("_", " ") for column in parts.damage_fit.columns],
        "trait_rows": _records(parts.damage_fit.head(TRAITS_SHOWN), list(parts.damage_fit.columns)),
        "review_in_words": review_in_words(parts.needs_review, parts.test_count, REVIEW_SHOWN),
        "review_rows": _records(
            parts.needs_review.head(REVIEW_SHOWN), ["image_id", "target", "class_name", "confidence", "reason"]
        ),
    }


def _records(table: pd.DataFrame, columns: list[str]) -> list[tuple[Any, ...]]:
    return list(table[columns].astype(object).itertuples(index=False, name=None))


def _shown(value: object) -> str:
    """A cell's text: about four digits, a true minus sign, missing values as a dash."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return "–"
    if isinstance(value, float):
        digits = 4 if abs(value) <= 1 else 2 if abs(value) < 100 else 1
        return f"{value:.{digits}f}".replace("-", "−")
    return str(value)
