"""The report asks nothing of any other place, lets no text become markup, and says what the scores say."""

import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from confidences import Run, words_kept
from forecasts import make_forecast
from PIL import Image

from docsort.augmentation.damage_fit import DAMAGE_FIT
from docsort.cleaning.drift import AUC_ROW
from docsort.ensembling.view_choice import VIEW_CURVE
from docsort.errors import InputError
from docsort.ingestion.parameters import SourceParameters
from docsort.reporting.figures import draw_confusion_matrix
from docsort.reporting.label_gains import LABEL_GAINS
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.report import NEEDED, SECTIONS, write_report
from docsort.reporting.scores import score_run, tabulate_class_scores
from docsort.reporting.sections import classes as classes_section
from docsort.reporting.sections.drift import drift_in_words
from docsort.reporting.sections.scores import gap_in_words
from docsort.reporting.sections.seen import SHEETS
from docsort.reporting.summary import summarise_data
from docsort.tables import ANSWERS, EMBEDDING_KEYS, READING_LINES, VALIDATION_RENDERS

PARAMETERS = ReportingParameters(draws=100)
TITLES = [section.TITLE for section in SECTIONS]
ANCHORS = {title.lower().replace(" ", "-") for title in TITLES} - {"reading"}
"""Of a run in which no member reads."""
FIGURES = [name for name in NEEDED if name.endswith("_figure")]
RUN = {"began": "2026-11-28 21:00 UTC", "began_unix": 0, "command": "kedro run --params <b>", "commit": "0123456789"}
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


Tables = dict[str, Any]


@pytest.fixture
def pages(oof_votes: pd.DataFrame, tmp_path: Path) -> Tables:
    """Tables that name pictures on disk: all sources are of one photo, all renders of one square."""
    photo, square = str(tmp_path / "photo.png"), str(tmp_path / "square.png")
    Image.new("RGB", (60, 90), "green").save(photo)
    Image.new("RGB", (48, 48), "blue").save(square)
    facts = {"path": square, "side": 48, "straighten": True, "letterboxed": True}
    renders = oof_votes.rename(columns={"image_id": "source_id"}).assign(**facts)[list(VALIDATION_RENDERS)]
    sources = oof_votes.drop_duplicates("image_id")[["image_id", "label"]].assign(path=photo)
    answers = pd.DataFrame([("t004.jpg", 0, "passport", 0.4, True, "", 0.99)], columns=list(ANSWERS))
    return {
        "validation_renders": renders,
        "clean_images": sources,
        "images": pd.DataFrame({"image_id": ["t004.jpg"], "path": [photo]}),
        "test_probabilities": answers,
        "embeddings": pd.DataFrame(columns=list(EMBEDDING_KEYS)),
    }


@pytest.fixture
def tables(
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
    histories: pd.DataFrame,
    confidence_run: Run,
    pages: Tables,
) -> Tables:
    white = Image.new("RGB", (20, 10), "white")
    one = (1.0, 0.80, 0.7, 0.9, -0.01, -0.02, 0.003)
    curve = [("first 1", *one, False), ("until 0.15", 1.27, 0.81, 0.7, 0.9, 0.0, 0.0, 0.0, True)]
    return {
        **pages,
        **{name: go.Figure() for name in FIGURES},
        "confusion_matrix_figure": draw_confusion_matrix(oof_votes, classes),
        "scores": score_run(oof_votes, verdicts, submission, FORECAST, answer_key, PARAMETERS, 0)
        | words_kept(confidence_run),
        "class_scores": tabulate_class_scores(oof_votes, classes, submission, answer_key),
        "oof_votes": oof_votes,
        "classes": classes,
        "specialist_verdicts": verdicts,
        "candidates": candidates,
        "ensemble_selection": selection,
        "validation_metrics": {"models": {"main": {"test_like": {"macro_f1": 0.7654}}}},
        "view_curve": pd.DataFrame(curve, columns=list(VIEW_CURVE)),
        "histories": histories,
        "training_plan": {"preset": "quick"},
        "data_summary": summarise_data(**data_tables),
        "label_gains": GAINS,
        "drift": drift,
        "fitted_damage": DAMAGE,
        "damage_fit": pd.DataFrame([("noise", 0.5, 4.2, 4.0, 0.9, 0.1234)], columns=list(DAMAGE_FIT)),
        "needs_review": needs_review,
        "submission": pd.DataFrame({"ID": range(90)}),
        "reading": {},
        "reading_lines": pd.DataFrame(columns=list(READING_LINES)),
        "shortcut": {},
        "models": {"fold_0": {"kind": "network", "backbone": "lcnet_050", "side": 48}, "kernel_fold_0": {"side": 64}},
        "run_facts": RUN,
        "explained_mistakes": white,
        "explained_answers": white,
        "params:reporting": PARAMETERS,
        "params:source": SourceParameters(layout="class_folders", raw_dir="/somewhere/<i>scans", answer_key=None),
    }


def text_of(tables: Tables, **changes: Any) -> str:
    return "".join(read_page(write_report({**tables, **changes})).text)


@pytest.mark.parametrize("name", ["view_curve_figure", "histories", "label_gains", "oof_votes", "run_facts"])
def test_a_table_that_is_missing_takes_just_the_sections_that_need_it_and_the_page_says_so(
    tables: Tables, name: str
) -> None:
    assert set(NEEDED) == set(tables)
    page = read_page(write_report({key: table for key, table in tables.items() if key != name}))
    without = {section.TITLE.lower().replace(" ", "-") for section in SECTIONS if name in section.NEEDS}
    assert bool(without) == (name != "run_facts")
    assert {a[1:] for a in page.addresses if a.startswith("#")} == ANCHORS - without
    assert ANCHORS & page.ids == ANCHORS - without
    left_out = "".join(page.text).partition("Left out, because a table is missing: ")[2]
    assert left_out.count(f"({name})") == len(without)


def test_a_section_with_nothing_to_say_is_left_out(tables: Tables) -> None:
    assert "Reading" not in text_of(tables)
    assert "Reading" in text_of(tables, reading={"readers": {"words": False}, "worth": {}})


def test_without_any_table_there_is_no_report(tables: Tables) -> None:
    with pytest.raises(InputError, match="Expected the tables of a run .* but got run_facts"):
        write_report({"run_facts": tables["run_facts"]})


def test_the_head_says_which_run_it_is(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 3750.0)
    html = write_report(tables)
    head = "".join(read_page(html[html.index("<header>") : html.index("</header>")]).text)
    for fact in (
        tables["scores"]["expect"],
        "2026-11-28 21:00 UTC",
        "<i>scans: 40 training photos of 5 classes, 90 test photos",
        "kedro run --params <b>",
        "0123456789",
        "1 h 2 min",
        "main (lcnet_050, 48 px), kernel (64 px)",
    ):
        assert fact in head
    assert "/somewhere" not in html


def test_what_each_part_is_worth_stands_before_anything_else_but_the_scores(tables: Tables) -> None:
    assert TITLES[:3] == ["Scores", "What each part is worth", "What to do next"]


def test_label_fixes_stand_there_with_what_they_were_worth(tables: Tables) -> None:
    text = text_of(tables)
    assert "What each batch of label fixes was worth" in text
    assert "<b>kim</b>" in text  # as text: the page has no markup of it
    assert "What each batch" not in text_of(tables, label_gains=GAINS.iloc[:0])


def test_the_page_fetches_nothing_and_no_text_becomes_markup(tables: Tables) -> None:
    page = read_page(write_report(tables))
    assert [a for a in page.addresses if not a.startswith(("data:", "#"))] == []
    assert {a[1:] for a in page.addresses if a.startswith("#")} == ANCHORS <= page.ids
    assert not {"i", "iframe"} & set(page.tags)
    assert page.tags.count("b") == page.tags.count("li")  # "Worth:" of each step
    text = "".join(page.text)
    assert "</script><script>alert('x')</script>|<b>" in text
    assert "unreadable: <i>truncated</i>" in text
    assert "a near-duplicate says <1>" in text


def test_the_page_says_what_the_scores_say(tables: Tables) -> None:
    text, scores = text_of(tables), tables["scores"]
    assert scores["expect"] in text
    for block in (scores["validation"]["clean"], scores["validation"]["test_like"], scores["test"]):
        assert f"{block['macro_f1']:.4f}" in text
        assert f"{block['interval'][0]:.4f}" in text
    assert "rejected: the interval holds zero" in text
    assert "2 of 90 test pages (2.2%)" in text
    assert "with an AUC of 0.930" in text


def test_a_measure_that_does_not_vary_is_a_dash(tables: Tables) -> None:
    assert (
        text_of(tables).count("–") == text_of(tables, drift=tables["drift"].query("measure != 'flat'")).count("–") + 1
    )


def test_candidates_stand_there_with_their_verdicts_and_the_weights_with_both_gains(tables: Tables) -> None:
    text = text_of(tables)
    for verdict in tables["candidates"]["verdict"]:
        assert verdict in text
    for name in ("stacking", "greedy selection"):
        assert f"{name} (main 0.60, {HOSTILE} 0.40)" in text
    assert "would gain 0.0181 in macro-F1 over equal weights" in text
    assert text.count("would gain 0.0181 in macro-F1 over stacked weights") == 3
    assert "and −0.0171 (−0.0340 to 0.0005) on pages that they were not" in text
    alone = {**tables["ensemble_selection"], "models": ["main"]}
    assert "There is one model, so there is nothing to weigh." in text_of(tables, ensemble_selection=alone)


def test_the_page_says_how_near_the_damage_comes_and_what_it_is(tables: Tables) -> None:
    text = text_of(tables)
    for auc in DAMAGE["auc"].values():
        assert f"{auc:.3f}" in text
    assert "blur sigma" in text
    assert "0.6000 to 2.20" in text
    assert "0.1234" in text
    plain = {**DAMAGE, "fitted": False, "auc": {}}
    assert "was not fitted to test images" in text_of(tables, fitted_damage=plain)


def test_plotly_stands_there_once_and_every_figure_is_drawn(tables: Tables) -> None:
    html = write_report(tables)
    assert html.count("plotly.js v") == 1
    assert html.count('class="plotly-graph-div"') == len(FIGURES)
    assert len(html) < 6_000_000


def test_pictures_of_what_the_models_see_stand_there_with_their_titles(tables: Tables) -> None:
    plain = read_page(write_report(tables))
    assert "Grad-CAM" not in "".join(plain.text)
    sheets = {name: Image.new("RGB", (20, 10), "blue") for name in SHEETS}
    page = read_page(write_report({**tables, **sheets}))
    assert page.tags.count("img") == plain.tags.count("img") + len(SHEETS)
    assert all(title in "".join(page.text) for title in SHEETS.values())


def test_pages_of_each_class_the_mistakes_and_the_review_list_are_buttons_that_enlarge(tables: Tables) -> None:
    html = write_report(tables)
    for anchor, captions in {
        "classes": [f"0 passport, {(tables['clean_images']['label'] == 0).sum()} photos"],
        "mistakes": [" → "],
        "needs-review": ["0 passport (0.41)", "0.990 t004.jpg"],
    }.items():
        section = html[html.index(f'<section id="{anchor}">') :].partition("</section>")[0]
        for caption in captions:
            place = section.index(caption, section.index("<button"))
            button = section[:place].rpartition('<button type="button"')[2]
            assert button.count("<img alt=") in (1, 2, PARAMETERS.class_pages)
            assert "</button>" not in button
    assert "t003.jpg" not in html[html.index('id="needs-review"') :].partition("<details>")[0]  # it cannot be read


def test_no_more_photos_of_a_class_are_shown_than_asked_for_and_there_are(tables: Tables) -> None:
    shown = {
        limit: classes_section.class_pictures(tables["clean_images"], tables["classes"], limit) for limit in (0, 3, 999)
    }
    counts = tables["clean_images"]["label"].value_counts().sort_index().tolist()
    assert shown[0] == []
    assert [len(picture.sources) for picture in shown[3]] == [3] * len(counts)
    assert [len(picture.sources) for picture in shown[999]] == counts


@pytest.mark.parametrize("name", ["진단서 소견서", "شهادة طبية", "🚗 dash", "<b>&\"'"])
def test_a_class_may_be_named_in_any_script(tables: Tables, name: str, caplog: pytest.LogCaptureFixture) -> None:
    named = tables["classes"].assign(class_name=[name, *"abcd"])
    page = read_page(write_report({**tables, "classes": named}))
    assert f"0 {name}, " in "".join(page.text).replace("\u2068", "").replace("\u2069", "")
    assert "b" not in set(page.tags) or page.tags.count("b") == page.tags.count("li")
    assert caplog.records == []


def test_letters_that_a_machine_may_lack_come_along_in_a_font(tables: Tables) -> None:
    assert "data:font" not in write_report(tables)
    korean = tables["classes"].assign(class_name=["진단서", *"abcd"])
    html = write_report({**tables, "classes": korean})
    assert html.count("data:font") == 1
    face = html.partition("@font-face")[2]
    assert face.startswith(' { font-family: "Docsort letters"; src: url(data:font/woff;base64,')
    assert "'Docsort letters'" in tables["confusion_matrix_figure"].layout.font.family


def test_what_was_read_stands_with_the_page_that_a_person_opens_and_nowhere_else(tables: Tables) -> None:
    worth = {
        **{"reason": "accepted: so", "delta": 0.0123, "low": 0.004, "high": 0.02, "weight": 0.35},
        **{"pages": 90, "asked": 27, "mended": 4, "broken": 1, "cpu_seconds": 21.6, "changed": []},
    }
    render = str(tables["validation_renders"]["render_id"].iloc[0])
    line = (render, 0, "0 0 1 0 1 1 0 1", HOSTILE + " DIAGNOSIS", 0.75, "engine", "1")
    told = {
        "reading": {"readers": {"reading": True}, "worth": worth},
        "reading_lines": pd.DataFrame([line], columns=list(READING_LINES)),
        "validation_renders": tables["validation_renders"].assign(letterboxed=False),
    }
    html = write_report({**tables, **told})
    page = read_page(html)
    assert {a[1:] for a in page.addresses if a.startswith("#")} == ANCHORS | {"reading"} <= page.ids
    assert [a for a in page.addresses if not a.startswith(("data:", "#"))] == []
    assert "+0.0123 in macro-F1 (+0.0040 to +0.0200)" in html
    assert html.count("DIAGNOSIS") == 1
    closed = html[: html.index("DIAGNOSIS")].rpartition("<details")[2]
    assert render in closed.split("</summary>")[0]
    assert "</details>" not in closed
    assert "open" not in closed.split(">")[0]
    assert page.tags.count("b") == page.tags.count("li")  # what was read is text


def test_a_reader_that_keeps_no_text_or_counts_as_any_other_is_told_so(tables: Tables) -> None:
    text = text_of(tables, reading={"readers": {"reading": False}, "worth": {}})
    assert "counts in the vote as any other does" in text
    assert "nothing is kept but hashed n-grams" in text


def test_the_same_tables_give_the_same_page_byte_for_byte_but_for_the_time_it_took(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 3600.0)
    first = write_report(tables)
    assert write_report(tables) == first
    monkeypatch.setattr(time, "time", lambda: 3700.0)
    later = write_report(tables)
    assert later != first
    assert without_facts(later) == without_facts(first)


def without_facts(html: str) -> str:
    return html[: html.index('<dl class="facts">')] + html[html.index("</dl>") :]


def test_without_a_key_there_is_no_test_and_no_gap(
    tables: Tables,
    oof_votes: pd.DataFrame,
    classes: pd.DataFrame,
    submission: pd.DataFrame,
    confidence_run: Run,
) -> None:
    blind = {
        "scores": score_run(oof_votes, tables["specialist_verdicts"], submission, FORECAST, None, PARAMETERS, 0)
        | words_kept(confidence_run.without_test_images()),
        "class_scores": tabulate_class_scores(oof_votes, classes, submission, None),
        "specialist_verdicts": tables["specialist_verdicts"].iloc[:0],
        "drift": tables["drift"].iloc[:0],
        "needs_review": tables["needs_review"].iloc[:0],
        "submission": tables["submission"].iloc[:0],
    }
    text = text_of(tables, **blind)
    assert "Gap" in text_of(tables)
    assert "Gap" not in text
    assert "against the answer key" not in text
    assert "Forecast" in text
    assert "There are no test photos" in text


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


def test_pages_that_were_set_aside_stand_beside_the_forecast_where_there_are_any(tables: Tables) -> None:
    block = {"macro_f1": 0.4321, "accuracy": 0.5, "interval": [0.4, 0.5], "n": 12, "groups": 9}
    aside = {"holdout": {"clean": {**block, "macro_f1": 0.8765}, "test_like": block}}
    text = text_of(tables, scores=tables["scores"] | aside)
    assert "pages that nothing learnt from, damaged like test pages, by all models; as they are 0.87" in text
    assert text.index("Forecast") < text.index("Set aside") < text.index("Clean validation")
    for cell in ("set aside, test-like", "set aside, clean", "0.4321", "0.8765"):
        assert cell in text
    assert "et aside" not in text_of(tables, specialist_verdicts=tables["specialist_verdicts"])


def test_with_too_few_photos_for_a_classifier_the_report_says_so(drift: pd.DataFrame) -> None:
    assert "a classifier tells a test photo from a training photo with an AUC of" in drift_in_words(drift)
    few = drift_in_words(drift[drift["measure"] != AUC_ROW])
    assert few == (
        "How test photos differ from training photos. With fewer than 20 photos of either no classifier was asked to "
        "tell them apart."
    )
