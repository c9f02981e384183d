"""What reading was worth: pages mended and broken by the rule that is used, and the gain of the verdict."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from docsort.reporting.reading_worth import SECONDS_A_PAGE, reading_worth, tell_reading, worth_in_words
from docsort.specialists.late import leads

CLASSES, PAGES = 3, 8
LABELS = [0, 1, 2, 0, 1, 2, 0, 1]


def table(answers: list[int], sure: list[float], model: str) -> pd.DataFrame:
    """A table of members; sure: probability of each page's answer, the rest shared out."""
    values = np.repeat((1 - np.array(sure))[:, None] / (CLASSES - 1), CLASSES, axis=1)
    values[np.arange(PAGES), answers] = sure
    names = [f"p{number}" for number in range(PAGES)]
    facts = {"model": model, "fold": [number % 2 for number in range(PAGES)], "image_id": names, "group": names}
    own = pd.DataFrame({**facts, "label": LABELS, "render_id": names, "condition": "test_like", "copy": 0})
    return own.assign(**{f"p_{target}": values[:, target] for target in range(CLASSES)})


@pytest.fixture
def votes() -> pd.DataFrame:
    """The image members: pages 0 to 3 unsure, of which 0 and 1 wrong; 7 sure and wrong."""
    return table([1, 0, 2, 0, 1, 2, 0, 0], [0.4, 0.42, 0.41, 0.43, 0.9, 0.9, 0.9, 0.9], "vote")


@pytest.fixture
def words() -> pd.DataFrame:
    """Reading: right about all pages but 2 and 4."""
    return table([0, 1, 0, 0, 0, 2, 0, 1], [0.95] * PAGES, "reading")


def verdict(threshold: float, **changes: Any) -> dict[str, Any]:
    figures = {
        "before": 0.6,
        "after": 0.7,
        "delta": 0.1,
        "low": 0.02,
        "high": 0.2,
        "accepted": True,
        "reason": "accepted: so",
    }
    rule = {"routing": "mix", "trigger": "margin", "threshold": threshold, "weight": 0.5}
    return {"group_name": "reading", "classes": "0 1 2", **figures, **rule, "pages_touched": 9, **changes}


def test_pages_that_are_asked_are_mended_or_broken_and_no_other(votes: pd.DataFrame, words: pd.DataFrame) -> None:
    worth = reading_worth(votes, words, verdict(float(np.sort(leads(votes))[3])))
    assert (worth["pages"], worth["asked"], worth["mended"], worth["broken"]) == (8, 4, 2, 1)
    assert worth["changed"] == [
        {"render_id": "p0", "label": 0, "before": 1, "after": 0},
        {"render_id": "p1", "label": 1, "before": 0, "after": 1},
        {"render_id": "p2", "label": 2, "before": 2, "after": 0},
    ]
    assert worth["cpu_seconds"] == 4 * SECONDS_A_PAGE
    everywhere = reading_worth(votes, words, verdict(1.0))
    assert (everywhere["asked"], everywhere["mended"], everywhere["broken"]) == (8, 3, 2)


def test_clean_pages_do_not_count(votes: pd.DataFrame, words: pd.DataFrame) -> None:
    clean = votes.assign(condition="clean", render_id=votes["render_id"] + "c")
    both = pd.concat([clean, votes], ignore_index=True)
    assert reading_worth(both, words, verdict(1.0)) == reading_worth(votes, words, verdict(1.0))


def test_where_no_way_to_ask_is_better_nothing_is_asked(votes: pd.DataFrame, words: pd.DataFrame) -> None:
    worth = reading_worth(
        votes, words, verdict(0.0, routing="none", trigger="none", accepted=False, reason="rejected: none")
    )
    assert (worth["asked"], worth["mended"], worth["broken"], worth["changed"]) == (0, 0, 0, [])
    assert "rejected: none" in worth_in_words(worth)


def test_the_verdict_of_the_member_that_reads_is_told_and_of_no_other(votes: pd.DataFrame, words: pd.DataFrame) -> None:
    verdicts = pd.DataFrame([verdict(0.5, group_name="certificates"), verdict(1.0)])
    told = tell_reading({"reading": True}, votes, words, verdicts)
    assert (told["readers"], told["worth"]["member"], told["worth"]["threshold"]) == ({"reading": True}, "reading", 1.0)
    assert tell_reading({"early": False}, votes, words, verdicts) == {"readers": {"early": False}, "worth": {}}
    assert tell_reading({}, votes, words, verdicts) == {"readers": {}, "worth": {}}


def test_the_words_say_what_the_record_says(votes: pd.DataFrame, words: pd.DataFrame) -> None:
    text = worth_in_words(reading_worth(votes, words, verdict(1.0, delta=-0.01, low=-0.02)))
    for part in (
        "−0.0100 in macro-F1 (−0.0200 to +0.2000)",
        "8 of 8",
        "3 become right and 2 wrong",
        "by 0.50",
        "6 seconds",
    ):
        assert part in text
    assert worth_in_words({}) == ""
