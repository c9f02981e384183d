"""The report asks nothing of any other place, lets no text become markup, and says what the scores say."""

from html.parser import HTMLParser
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from confidences import Run, words_kept
from forecasts import make_forecast
from PIL import Image

from docsort.augmentation.damage_fit import DAMAGE_FIT
from docsort.cleaning.drift import AUC_ROW
from docsort.errors import InputError
from docsort.reporting.figures import draw_confusion_matrix
from docsort.reporting.label_gains import LABEL_GAINS
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.read_pages import ReadPage
from docsort.reporting.report import (
    EXPLANATIONS,
    FIGURES,
    SECTIONS,
    ReportParts,
    drift_in_words,
    gap_in_words,
    write_report,
)
from docsort.reporting.scores import score_run, tabulate_class_scores
from docsort.reporting.summary import summarise_data

PARAMETERS = ReportingParameters(draws=100)
ANCHORS = {anchor for anchor, _ in SECTIONS} - {"reading"}
"""Of a run in which no member reads."""
HOSTILE = "</script><script>alert('x')</script>|<b>"
DAMAGE = {
    "fitted": True,
    "auc": {"undamaged": 0.987, "before": 0.876, "after": 0.654},
    "parameters": {"blur_share": 0.3, "blur_sigma": [0.6, 2.2]},
}
FORECAST = make_forecast()
GAINS = pd.DataFrame(
    [(1, 9, "<b>kim</b>", 400, 0.5, 0.51, 0.55, 0.04, 0.01, 0.07, "helped")], columns=list(LABEL_GAINS)
)


class PageReader(HTMLParser):
    """Collects tags, every address that the page would fetch, and the text outside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.text: list[str] = []
        self.raw = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.raw = tag in ("script", "style")
        for name, value in attrs:
            if name == "id":
                self.ids.add(str(value))
            elif name in ("src", "href", "srcset", "action", "data"):
                self.addresses.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        self.raw = False

    def handle_data(self, data: str) -> None:
        if not self.raw:
            self.text.append(data)


def read_page(html: str) -> PageReader:
    reader = PageReader()
    reader.feed(html)
    return reader


@pytest.fixture
def parts(
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    verdicts: pd.DataFrame,
    candidates: pd.DataFrame,
    selection: dict[str, Any],
    submission: pd.DataFrame,
    answer_key: pd.DataFrame,
    data_tables: dict[str, pd.DataFrame],
    drift: pd.DataFrame,
    needs_review: pd.DataFrame,
    confidence_run: Run,
) -> ReportParts:
    figures: dict[str, go.Figure] = {name: go.Figure() for name in FIGURES}
    figures["confusion_matrix"] = draw_confusion_matrix(oof_votes, classes)
    return ReportParts(
        scores=score_run(oof_votes, verdicts, submission, FORECAST, answer_key, PARAMETERS, 0)
        | words_kept(confidence_run),
        class_scores=tabulate_class_scores(oof_votes, classes, submission, answer_key),
        verdicts=verdicts,
        candidates=candidates,
        selection=selection,
        data=summarise_data(**data_tables),
        label_gains=GAINS,
        drift=drift,
        damage=DAMAGE,
        damage_fit=pd.DataFrame([("noise", 0.5, 4.2, 4.0, 0.9, 0.1234)], columns=list(DAMAGE_FIT)),
        needs_review=needs_review,
        test_count=90,
        figures=figures,
        galleries={'mistakes "worst" first': Image.new("RGB", (40, 30), "red")},
    )


def test_label_fixes_stand_there_with_what_they_were_worth(parts: ReportParts) -> None:
    text = "".join(read_page(write_report(parts)).text)
    assert "What each batch of label fixes was worth" in text
    assert "<b>kim</b>" in text  # as text: the page has no markup of it
    none = ReportParts(**{**vars(parts), "label_gains": GAINS.iloc[:0]})
    assert "What each batch" not in "".join(read_page(write_report(none)).text)


def test_the_page_fetches_nothing_and_no_text_becomes_markup(parts: ReportParts) -> None:
    page = read_page(write_report(parts))
    assert [a for a in page.addresses if not a.startswith(("data:", "#"))] == []
    assert {a[1:] for a in page.addresses if a.startswith("#")} == ANCHORS <= page.ids
    assert not {"i", "b", "iframe"} & set(page.tags)
    text = "".join(page.text)
    assert "</script><script>alert('x')</script>|<b>" in text
    assert "unreadable: <i>truncated</i>" in text
    assert "a near-duplicate says <1>" in text


def test_the_page_says_what_the_scores_say(parts: ReportParts) -> None:
    text = "".join(read_page(write_report(parts)).text)
    scores = parts.scores
    assert scores["expect"] in text
    for block in (scores["validation"]["clean"], scores["validation"]["test_like"], scores["test"]):
        assert f"{block['macro_f1']:.4f}" in text
        assert f"{block['interval'][0]:.4f}" in text
    assert "rejected: the interval holds zero" in text
    assert "2 of 90 test pages (2.2%)" in text
    assert "with an AUC of 0.930" in text
    assert text.count("–") == 1  # the drift of a measure that does not vary


def test_candidates_stand_there_with_their_verdicts_and_the_weights_with_both_gains(parts: ReportParts) -> None:
    text = "".join(read_page(write_report(parts)).text)
    for verdict in parts.candidates["verdict"]:
        assert verdict in text
    for name in ("stacking", "greedy selection"):
        assert f"{name} (main 0.60, {HOSTILE} 0.40)" in text
    assert "would gain 0.0181 in macro-F1 over equal weights" in text
    assert text.count("would gain 0.0181 in macro-F1 over stacked weights") == 3
    assert "and −0.0171 (−0.0340 to 0.0005) on pages that they were not" in text
    alone = ReportParts(**{**vars(parts), "selection": {**parts.selection, "models": ["main"]}})
    assert "There is one model, so there is nothing to weigh." in "".join(read_page(write_report(alone)).text)


def test_the_page_says_how_near_the_damage_comes_and_what_it_is(parts: ReportParts) -> None:
    text = "".join(read_page(write_report(parts)).text)
    for auc in DAMAGE["auc"].values():
        assert f"{auc:.3f}" in text
    assert "blur sigma" in text
    assert "0.6000 to 2.20" in text
    assert "0.1234" in text
    plain = ReportParts(**{**vars(parts), "damage": {**DAMAGE, "fitted": False, "auc": {}}})
    assert "was not fitted to test images" in "".join(read_page(write_report(plain)).text)


def test_plotly_stands_there_once_and_every_figure_is_drawn(parts: ReportParts) -> None:
    html = write_report(parts)
    assert html.count("plotly.js v") == 1
    assert html.count('class="plotly-graph-div"') == len(FIGURES)
    assert len(html) < 6_000_000


def test_pictures_of_what_the_models_see_stand_there_with_their_titles(parts: ReportParts) -> None:
    plain = read_page(write_report(parts))
    assert "Grad-CAM" not in "".join(plain.text)
    pictures = {name: Image.new("RGB", (20, 10), "blue") for name in EXPLANATIONS}
    page = read_page(write_report(ReportParts(**{**vars(parts), "explanations": pictures})))
    assert page.tags.count("img") == plain.tags.count("img") + len(EXPLANATIONS)
    assert all(title in "".join(page.text) for title in EXPLANATIONS.values())


def test_what_was_read_stands_with_the_page_that_a_person_opens_and_nowhere_else(parts: ReportParts) -> None:
    assert "Reading" not in "".join(read_page(write_report(parts)).text)
    worth = {
        **{"reason": "accepted: so", "delta": 0.0123, "low": 0.004, "high": 0.02, "weight": 0.35},
        **{"pages": 90, "asked": 27, "mended": 4, "broken": 1, "cpu_seconds": 21.6, "changed": []},
    }
    shown = ReadPage("mended: 3 a -> 4 b (x~0)", Image.new("RGB", (20, 10), "blue"), [(HOSTILE + " DIAGNOSIS", 0.75)])
    told = {"reading": {"readers": {"reading": True}, "worth": worth}, "read_pages": [shown]}
    html = write_report(ReportParts(**{**vars(parts), **told}))
    page = read_page(html)
    assert {a[1:] for a in page.addresses if a.startswith("#")} == ANCHORS | {"reading"} <= page.ids
    assert [a for a in page.addresses if not a.startswith(("data:", "#"))] == []
    assert "+0.0123 in macro-F1 (+0.0040 to +0.0200)" in html
    assert html.count("DIAGNOSIS") == 1
    closed = html[html.index("<details") : html.index("</details>")]
    assert "DIAGNOSIS" in closed.split("</summary>")[1]
    assert "open" not in closed.split(">")[0]
    assert "b" not in page.tags  # what was read is text


def test_a_reader_that_keeps_no_text_or_counts_as_any_other_is_told_so(parts: ReportParts) -> None:
    told = {"reading": {"readers": {"reading": False}, "worth": {}}}
    text = "".join(read_page(write_report(ReportParts(**{**vars(parts), **told}))).text)
    assert "counts in the vote as any other does" in text
    assert "nothing is kept but hashed n-grams" in text


def test_the_same_parts_give_the_same_page_byte_for_byte(parts: ReportParts) -> None:
    assert write_report(parts) == write_report(parts)


def test_without_a_key_there_is_no_test_and_no_gap(
    parts: ReportParts,
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    submission: pd.DataFrame,
    confidence_run: Run,
) -> None:
    blind = ReportParts(
        **{
            **vars(parts),
            "scores": score_run(oof_votes, parts.verdicts, submission, FORECAST, None, PARAMETERS, 0)
            | words_kept(confidence_run.without_test_images()),
            "class_scores": tabulate_class_scores(oof_votes, classes, submission, None),
            "verdicts": parts.verdicts.iloc[:0],
            "drift": parts.drift.iloc[:0],
            "needs_review": parts.needs_review.iloc[:0],
            "test_count": 0,
        }
    )
    text = "".join(read_page(write_report(blind)).text)
    assert "Gap" not in text
    assert "against the answer key" not in text
    assert "Forecast" in text
    assert "There are no test photos" in text


def test_a_missing_figure_is_named(parts: ReportParts) -> None:
    few = ReportParts(**{**vars(parts), "figures": {"drift": go.Figure()}})
    with pytest.raises(InputError, match="confusion_matrix, learning_curves"):
        write_report(few)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        (0.804, "within the aim of 0.01; the test score is inside"),
        (0.77, "promised too much; the test score is inside"),
        (0.60, "promised too much; the test score is outside"),
        (0.90, "promised too little; the test score is outside"),
    ],
)
def test_the_gap_in_words(test: float, words: str) -> None:
    scores = {
        "validation": {"macro_f1": 0.8, "test_like": {"macro_f1": 0.8, "interval": [0.75, 0.85]}},
        "test": {"macro_f1": test},
        "gap": 0.8 - test,
    }
    assert words in gap_in_words(scores)


def test_pages_that_were_set_aside_stand_beside_the_forecast_where_there_are_any(parts: ReportParts) -> None:
    block = {"macro_f1": 0.4321, "accuracy": 0.5, "interval": [0.4, 0.5], "n": 12, "groups": 9}
    aside = {"holdout": {"clean": {**block, "macro_f1": 0.8765}, "test_like": block}}
    text = "".join(read_page(write_report(ReportParts(**{**vars(parts), "scores": parts.scores | aside}))).text)
    assert "pages that nothing learnt from, damaged like test pages, by all models; as they are 0.87" in text
    assert text.index("Forecast") < text.index("Set aside") < text.index("Clean validation")
    for cell in ("set aside, test-like", "set aside, clean", "0.4321", "0.8765"):
        assert cell in text
    assert "et aside" not in "".join(read_page(write_report(parts)).text)


def test_with_too_few_photos_for_a_classifier_the_report_says_so(drift: pd.DataFrame) -> None:
    assert "a classifier tells a test photo from a training photo with an AUC of" in drift_in_words(drift)
    few = drift_in_words(drift[drift["measure"] != AUC_ROW])
    assert few == (
        "How test photos differ from training photos. With fewer than 20 photos of either no classifier was asked to "
        "tell them apart."
    )
