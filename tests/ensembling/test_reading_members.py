"""An ensemble with a member that reads: the words on a page are judged and served alike."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_ensemble import DECISIONS, FOLDS, TARGETS, build, draw_pages
from toy_reader import MakeTask, Toy, cache, draw, make_task, toy

from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.temperature import PLAIN
from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import PhotoPages
from docsort.members.views import all_views
from docsort.reading.kind import ReadingKind
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.late import leads
from docsort.specialists.routing import RoutingRule
from docsort.stores import Store
from docsort.work.executor import Lease

__all__ = ["cache", "make_task", "toy"]

WORDS = RoutingRule(SpecialistGroup("words", TARGETS), "mix", "margin", 0.375, 0.5)
CHOSEN = replace(DECISIONS, plan=replace(DECISIONS.plan, rules=(WORDS,)))


@pytest.fixture
def photos() -> list[Any]:
    return [draw(TARGETS[number % 3], number, worn=number > 5) for number in range(12)]


@pytest.fixture
def ensemble(make_task: MakeTask, photos: list[Any], tmp_path: Path) -> Ensemble:
    store = Store(tmp_path / "readers")
    return build(
        tmp_path, draw_pages(12, 3), CHOSEN, more=[{"words": learn(make_task(f), store)} for f in range(FOLDS)]
    )


def learn(task: Any, store: Store) -> Checkpoint:
    """As `fit` does, in this process, where the toy reads."""
    key, own = task.key(), task.parameters.page_format
    told = {"side": own.side, "straighten": own.straighten, "letterboxed": own.letterboxed}
    record = task.run(store.folder(key), Lease(("cpu",), 1))
    store.complete(key, {**record, **told, "name": task.name, "kind": task.kind, "learnt_groups": []})
    return Checkpoint(store.folder(key), key)


def by_hand(ensemble: Ensemble, photos: list[Any]) -> pd.DataFrame:
    """Predictions of the readers, asked one photo at a time, as rows of a table of predictions."""
    rows = []
    for member in ensemble.manifest.members:
        if member.name == "words":
            opened = ReadingKind().load(ensemble.checkpoints[member.key], "cpu")
            for number, photo in enumerate(photos):
                empty = np.full((1, 1, len(TARGETS)), np.nan, dtype=np.float32)
                said = opened.predict(PhotoPages([photo], False, 90), all_views((0,)), empty)[0, 0]
                rows.append((str(number), member.fold, *said))
    return pd.DataFrame(rows, columns=["render_id", "fold", *(f"p_{target}" for target in TARGETS)])


def test_readers_say_of_a_photo_what_they_say_when_asked_by_hand(
    ensemble: Ensemble, photos: list[Any], toy: Toy
) -> None:
    toy.read.clear()
    said = ensemble.predict(photos)
    said = said[said["model"] == "words"]
    silent = replace(CHOSEN, plan=replace(CHOSEN.plan, rules=()), calibration=PLAIN)
    votes = silent.vote_on(ensemble.predict(photos))
    unsure = set(votes["render_id"][leads(votes) <= WORDS.threshold])
    assert 0 < len(unsure) < len(photos)
    assert set(said["render_id"]) == unsure
    assert toy.read == ["photo"] * 2 * len(unsure)  # once a call, not once a fold
    expected = by_hand(ensemble, photos)
    both = said.merge(expected, on=["render_id", "fold"], suffixes=("", "_by_hand"), validate="many_to_one")
    assert len(both) == len(said)
    for target in TARGETS:
        np.testing.assert_array_equal(both[f"p_{target}"], both[f"p_{target}_by_hand"])


def test_each_page_has_its_own_answer_and_a_copied_ensemble_gives_it_too(
    ensemble: Ensemble, photos: list[Any], tmp_path: Path
) -> None:
    names = [str(number) for number in range(len(photos))]
    together = ensemble.answer(photos, names)
    alone = pd.concat([ensemble.answer(photos[number], [names[number]]) for number in (0, 7)])
    pd.testing.assert_frame_equal(together.iloc[[0, 7]], alone.set_index(together.index[[0, 7]]), check_exact=True)
    copied = Ensemble.load(ensemble.save(tmp_path / "copied").folder or Path())
    pd.testing.assert_frame_equal(together, copied.answer(photos, names), check_exact=True)
