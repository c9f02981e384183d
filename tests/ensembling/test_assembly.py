"""An ensemble is put together of what the stages left, and of nothing that takes no part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_ensemble import DECISIONS, JPEG_QUALITY, TARGETS, checkpoint_of

from docsort.ensembling.assembly import PACKAGES, TRAITS, assemble, describe_training_pages
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleMember
from docsort.ensembling.novelty import NoveltyIndex
from docsort.errors import InputError
from docsort.stores import Store

CLASSES = pd.DataFrame({"target": TARGETS, "class_name": ["a", "b", "c"]})
LABELS = pd.Series([9, 2, 9, 5, 2])
NOTHING = NoveltyIndex((), np.zeros(0))


def images() -> pd.DataFrame:
    traits = {trait: [10.0, 20.0, 30.0, 999.0] for trait in TRAITS}
    return pd.DataFrame({"split": ["train", "train", "train", "test"]} | traits)


@pytest.fixture
def put_together(tmp_path: Path):
    store = Store(tmp_path)
    members = [{name: checkpoint_of(store, f"{name}_{fold}", name) for name in ("main", "kernel")} for fold in range(2)]
    special = [
        {name: checkpoint_of(store, f"{name}_{fold}", "network") for name in ("pair", "other")} for fold in range(2)
    ]

    def make(decisions: Decisions, novelty: list[NoveltyIndex], labels: pd.Series = LABELS) -> Ensemble:
        return assemble(
            members, special, decisions, JPEG_QUALITY, CLASSES, labels, images(), novelty, novelty_limit=0.9
        )

    return make


def test_only_specialists_whose_rule_was_accepted_come_along(put_together) -> None:
    accepted = put_together(DECISIONS, [NOTHING, NOTHING])
    assert accepted.manifest.members == tuple(
        EnsembleMember(name, fold, f"{name}_{fold}") for fold in range(2) for name in ("main", "kernel", "pair")
    )
    assert set(accepted.checkpoints) == {member.key for member in accepted.manifest.members}
    rejected = put_together(replace(DECISIONS, plan=replace(DECISIONS.plan, rules=())), [NOTHING, NOTHING])
    assert {member.name for member in rejected.manifest.members} == {"main", "kernel"}


def test_where_no_page_is_measured_none_is_novel(put_together) -> None:
    assert put_together(DECISIONS, [NOTHING, NOTHING]).manifest.embedder is None
    assert put_together(DECISIONS, [NOTHING, NOTHING]).novelty == {}
    index = NoveltyIndex((), pd.Series([1.0]).to_numpy())
    measured = put_together(DECISIONS, [index, index])
    assert measured.manifest.embedder == "main"
    assert set(measured.novelty) == {0, 1}


def test_a_page_that_cannot_be_read_gets_the_most_frequent_class(put_together) -> None:
    assert put_together(DECISIONS, [NOTHING, NOTHING]).manifest.fallback == 2  # as frequent as 9, and the smaller
    assert put_together(DECISIONS, [NOTHING, NOTHING], pd.Series([5, 5, 2])).manifest.fallback == 5
    with pytest.raises(InputError, match="training labels to find the most frequent class, but there are none"):
        put_together(DECISIONS, [NOTHING, NOTHING], LABELS.iloc[:0])


def test_what_training_pages_looked_like_knows_no_test_page() -> None:
    described = describe_training_pages(images())
    assert described["pages"] == 3
    assert described["quantiles"]["width"] == pytest.approx(
        {"0.05": 11.0, "0.25": 15.0, "0.5": 20.0, "0.75": 25.0, "0.95": 29.0}
    )
    assert set(described["quantiles"]) == set(TRAITS)


def test_it_is_said_what_made_it_and_nothing_of_a_forecast_yet(put_together) -> None:
    manifest = put_together(DECISIONS, [NOTHING, NOTHING]).manifest
    assert manifest.classes == ((2, "a"), (5, "b"), (9, "c"))
    assert (manifest.jpeg_quality, manifest.decisions, manifest.novelty_limit) == (JPEG_QUALITY, DECISIONS, 0.9)
    assert set(manifest.packages) == set(PACKAGES)
    assert manifest.forecast is None
