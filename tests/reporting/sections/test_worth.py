"""What each part is worth: the sign, the interval and the words of every row."""

from typing import Any

import pandas as pd
import pytest

from docsort.ensembling.candidates import all_but
from docsort.ensembling.view_choice import VIEW_CURVE
from docsort.reporting.label_gains import LABEL_GAINS
from docsort.reporting.parts import Worth, Worths
from docsort.reporting.sections.worth import NEEDS, section

Tables = dict[str, Any]


@pytest.fixture
def tables(candidates: pd.DataFrame, selection: dict[str, Any], verdicts: pd.DataFrame) -> Tables:
    without = candidates.iloc[[1]].assign(candidate=all_but("main"), delta=-0.03, delta_low=-0.05, delta_high=-0.01)
    one = ("first 1", 1.0, 0.80, 0.7, 0.9, -0.01, -0.02, 0.003, False)
    used = ("until 0.15", 1.27, 0.81, 0.7, 0.9, -0.002, -0.01, 0.0, True)
    fixes = (1, 9, "kim", 400, 0.5, 0.51, 0.55, 0.04, 0.01, 0.07, "helped")
    return {
        "candidates": pd.concat([candidates, without], ignore_index=True),
        "ensemble_selection": selection,
        "label_gains": pd.DataFrame([fixes], columns=list(LABEL_GAINS)),
        "specialist_verdicts": verdicts,
        "validation_metrics": {"models": {"main": {"test_like": {"macro_f1": 0.7654}}}},
        "view_curve": pd.DataFrame([one, used], columns=list(VIEW_CURVE)),
    }


def rows(tables: Tables, **changes: Any) -> dict[str, Worth]:
    (worths,) = [part for part in section({**tables, **changes}) if isinstance(part, Worths)]
    return {row.part: row for row in worths.rows}


def test_a_member_is_worth_what_is_lost_without_it(tables: Tables) -> None:
    assert set(NEEDS) == set(tables)
    row = rows(tables)["member main"]
    assert (row.delta, row.low, row.high) == (0.03, 0.01, 0.05)
    assert row.words == "counts 0.60, alone 0.765"


def test_of_a_member_that_was_not_left_out_by_itself_only_the_weight_is_told(tables: Tables) -> None:
    (other,) = set(tables["ensemble_selection"]["models"]) - {"main"}
    row = rows(tables)[f"member {other}"]
    assert (row.delta, row.low, row.high) == (None, None, None)
    assert row.words == "counts 0.40"


def test_weights_are_worth_their_gain_on_pages_that_had_no_say(tables: Tables) -> None:
    row = rows(tables)["weights"]
    assert (row.delta, row.low, row.high) == (-0.0171, -0.034, 0.0005)
    assert "weights" not in rows(tables, ensemble_selection={**tables["ensemble_selection"], "models": ["main"]})
    assert "weights" not in rows(tables, ensemble_selection={**tables["ensemble_selection"], "used": "equal"})


def test_views_are_worth_what_one_alone_lacks(tables: Tables) -> None:
    row = rows(tables)["views"]
    assert (row.delta, row.low, row.high) == (0.01, -0.003, 0.02)
    assert "used is until 0.15, 1.27 passes a page, −0.002 against all" in row.words
    assert "views" not in rows(tables, view_curve=tables["view_curve"].iloc[1:])


def test_specialists_and_label_fixes_are_told_with_their_verdict(tables: Tables) -> None:
    found = rows(tables)
    assert (found["certificates"].delta, found["certificates"].low, found["certificates"].high) == (0.06, 0.02, 0.1)
    assert "accepted; 12 held-out answers changed" in found["certificates"].words
    assert found["label fixes, batch 1"].words == "9 images by kim: helped"


def test_all_intervals_are_drawn_on_the_scale_of_the_widest(tables: Tables) -> None:
    (worths,) = [part for part in section(tables) if isinstance(part, Worths)]
    assert worths.scale == 0.1
    assert Worths([]).scale == 1


def test_of_a_specialist_that_is_asked_nowhere_the_reason_is_told(tables: Tables) -> None:
    unasked = tables["specialist_verdicts"].assign(routing="none", reason="rejected: no way to ask it helps")
    told = [row.words for row in rows(tables, specialist_verdicts=unasked).values() if "specialist" in row.words]
    assert told == ["specialist or late member, rejected: no way to ask it helps"] * len(unasked)
