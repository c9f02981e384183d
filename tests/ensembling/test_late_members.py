"""An ensemble with a late member: it is asked where the others are unsure, and what was judged is what answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_ensemble import DECISIONS, GROUP, TARGETS, Photo, build, draw_pages

from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.temperature import PLAIN
from docsort.ensembling.votes import VotePlan
from docsort.kernel.model import KernelMember
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.late import leads
from docsort.specialists.routing import RoutingRule
from docsort.stores import Store

LATE = RoutingRule(SpecialistGroup("kernel", TARGETS), "mix", "margin", 0.6, 0.5)
PLAN = VotePlan("soft", None, (RoutingRule(GROUP, "hard", "top1"), LATE))
CHOSEN = replace(
    DECISIONS, models=("main",), views=DECISIONS.views.model_copy(update={"weights": {"main": 1.0}}), plan=PLAN
)


@pytest.fixture(scope="module")
def pages() -> list[Photo]:
    return draw_pages(24, 5)


@pytest.fixture(scope="module")
def late_ensemble(pages: list[Photo], tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return build(tmp_path_factory.mktemp("late"), draw_pages(12, 3), CHOSEN)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The pages that each call of the late member was given."""
    given: list[Any] = []
    predict = KernelMember.predict

    def note(self: KernelMember, seen: Any, policy: Any, known: Any) -> Any:
        given.append(seen)
        return predict(self, seen, policy, known)

    monkeypatch.setattr(KernelMember, "predict", note)
    return given


def unsure(ensemble: Ensemble, pages: list[Photo]) -> np.ndarray:
    """Whether the others are unsure of each page, by an ensemble that has no late member."""
    general = replace(CHOSEN, plan=replace(PLAN, rules=()), calibration=PLAIN)
    votes = general.vote_on(ensemble.predict(pages))
    return np.asarray(leads(votes)[votes["render_id"].astype(int).argsort()] <= LATE.threshold)


def test_it_is_asked_about_unsure_pages_alone(late_ensemble: Ensemble, pages: list[Photo], asked: list[Any]) -> None:
    wanted = unsure(late_ensemble, pages)
    assert 0 < wanted.sum() < len(pages)
    asked.clear()
    predictions = late_ensemble.predict(pages)
    assert [len(seen) for seen in asked] == [wanted.sum()] * 2  # of each fold's member once
    own = predictions[predictions["model"] == "kernel"]
    assert set(own["render_id"].astype(int)) == set(np.flatnonzero(wanted).tolist())


def test_the_members_of_all_folds_are_given_the_same_pages(
    late_ensemble: Ensemble, pages: list[Photo], asked: list[Any]
) -> None:
    """Or what is dear to find out of a page, such as its words, would be found out once a fold."""
    late_ensemble.predict(pages)
    one, other = asked
    assert one is other


def test_what_it_says_is_heard_there_and_nowhere_else(late_ensemble: Ensemble, pages: list[Photo]) -> None:
    silent = replace(CHOSEN, plan=replace(PLAN, rules=PLAN.rules[:1]))
    with_it = late_ensemble.answer(pages)
    predictions = late_ensemble.predict(pages)
    without = replace(late_ensemble, manifest=replace(late_ensemble.manifest, decisions=silent)).vote_on(predictions)
    without = without.set_index(without["render_id"].astype(int)).sort_index()
    differs = ~np.isclose(with_it["confidence"], without["confidence"])
    wanted = unsure(late_ensemble, pages)
    assert differs.any()
    assert not differs[~wanted].any()


def test_a_page_gets_the_same_answer_alone_and_among_others(late_ensemble: Ensemble, pages: list[Photo]) -> None:
    names = [str(number) for number in range(len(pages))]
    together = late_ensemble.answer(pages, names)
    alone = pd.concat([late_ensemble.answer(page, [name]) for page, name in zip(pages, names, strict=True)])
    pd.testing.assert_frame_equal(together, alone.reset_index(drop=True), check_exact=True)
    back = late_ensemble.answer(pages[::-1], names[::-1])
    pd.testing.assert_frame_equal(together, back.iloc[::-1].reset_index(drop=True), check_exact=True)


def test_what_is_cached_is_not_asked_again(
    late_ensemble: Ensemble, pages: list[Photo], asked: list[Any], tmp_path: Path
) -> None:
    cache = Store(tmp_path)
    first = late_ensemble.answer(pages, cache=cache)
    assert asked
    asked.clear()
    second = late_ensemble.answer(pages, cache=cache)
    assert asked == []
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_cache_that_lacks_the_late_member_alone_has_it_asked(
    late_ensemble: Ensemble, pages: list[Photo], asked: list[Any], tmp_path: Path
) -> None:
    """As after a run in which another threshold was chosen."""
    cache = Store(tmp_path)
    general = replace(CHOSEN, plan=replace(PLAN, rules=PLAN.rules[:1]))
    members = tuple(member for member in late_ensemble.manifest.members if member.name != "kernel")
    manifest = replace(late_ensemble.manifest, decisions=general, members=members)
    replace(late_ensemble, manifest=manifest).save(tmp_path / "general").answer(pages, cache=cache)
    assert not asked
    answered = late_ensemble.answer(pages, cache=cache)
    assert asked
    pd.testing.assert_frame_equal(answered, late_ensemble.answer(pages), check_exact=True)
