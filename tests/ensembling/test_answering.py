"""How pages are answered: each different one once, here or in workers, and with a reason where a person should look."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_ensemble import DECISIONS, TARGETS, Photo

from docsort.ensembling import answering
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.photos import Listed
from docsort.members.views import all_views


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pages each call of a chunk was given."""
    counts: list[int] = []
    answer_chunk = answering.answer_chunk

    def count(*task: Any) -> Any:
        counts.append(len(task[3]))
        return answer_chunk(*task)

    monkeypatch.setattr(answering, "answer_chunk", count)
    return counts


def test_a_page_that_stands_twice_is_predicted_once(ensemble: Ensemble, paths: list[Path], asked: list[int]) -> None:
    table = ensemble.answer([*paths[:3], *paths[:2]], ["a", "b", "c", "d", "e"])
    assert asked == [3]
    assert table["image_id"].tolist() == ["a", "b", "c", "d", "e"]
    assert table.loc[[0, 1], "confidence"].tolist() == table.loc[[3, 4], "confidence"].tolist()


def test_different_pages_are_told_apart_by_their_content(paths: list[Path], photos: list[Photo]) -> None:
    listed = Listed.of([paths[0], paths[0].read_bytes(), paths[1], photos[1], photos[1].copy()], None)
    assert len(listed.photos) == 3  # a file and its bytes are one page, a file and its pixels two
    assert listed.places[0] == listed.places[1]
    assert listed.places[3] == listed.places[4]
    turned = Listed.of([np.zeros((2, 3, 3), dtype=np.uint8), np.zeros((3, 2, 3), dtype=np.uint8)], None)
    assert len(turned.photos) == 2


def test_few_pages_are_answered_in_this_process_and_many_in_workers(
    ensemble: Ensemble, paths: list[Path], asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_workers() -> None:
        raise RuntimeError("workers are asked")

    monkeypatch.setattr(answering, "executor", no_workers)
    monkeypatch.setattr(answering, "CHUNK", 4)
    ensemble.answer(paths[:4])
    with pytest.raises(RuntimeError, match="workers are asked"):
        ensemble.answer(paths[:5])
    ensemble.answer(paths[:5], in_workers=False)
    assert asked == [4, 4, 1]


def test_a_member_that_answers_all_turns_alike_is_asked_once_and_counts_in_every_view(
    ensemble: Ensemble, paths: list[Path], tmp_path: Path
) -> None:
    every = ensemble.finished(replace(DECISIONS, views=all_views()), None).save(tmp_path / "every")
    kernel = next(member for member in every.manifest.members if member.name == "kernel")
    assert len(answering._policy(every, kernel).views) == 1
    predictions = every.predict(paths[:2])
    own = predictions[predictions["model"] == "kernel"]
    assert len(own) == 2 * 2 * 8
    columns = [f"p_{target}" for target in TARGETS]
    assert own.groupby(["render_id", "fold"])[columns].nunique().eq(1).all(axis=None)
    assert predictions[predictions["model"] == "main"].groupby(["render_id", "fold"])["p_2"].nunique().gt(1).all()


def test_why_a_person_should_look_stands_in_words(answers: pd.DataFrame, ensemble: Ensemble) -> None:
    limit, threshold = ensemble.manifest.novelty_limit, DECISIONS.threshold
    unsure, strange = answers["confidence"] < threshold, answers["novelty"] > limit
    assert (answers["needs_review"] == (unsure | strange)).all()
    assert (answers.loc[~(unsure | strange), "why"] == "").all()
    row = answers[unsure].iloc[0]
    assert row["why"].startswith(f"confidence {row['confidence']:.3f} below {threshold:.3f}")


def test_novel_pages_are_doubted_however_sure_and_a_page_may_be_both(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame, tmp_path: Path
) -> None:
    manifest = replace(ensemble.manifest, novelty_limit=0.0, decisions=replace(DECISIONS, threshold=2.0))
    strict = replace(ensemble, manifest=manifest, folder=None).save(tmp_path / "strict")
    row = strict.answer(paths).loc[answers["novelty"].idxmax()]
    expected = f"unlike the training pages: more novel than {row['novelty']:.1%} of them"
    assert row["why"] == f"confidence {row['confidence']:.3f} below 2.000; {expected}"
    calm = replace(manifest, decisions=replace(DECISIONS, threshold=0.0))
    row = replace(strict, manifest=calm, folder=None).save(tmp_path / "calm").answer(paths).loc[row.name]
    assert row["why"] == expected


def test_where_nothing_measures_novelty_no_page_is_novel(ensemble: Ensemble, paths: list[Path], tmp_path: Path) -> None:
    manifest = replace(ensemble.manifest, embedder=None, novelty_limit=0.0)
    plain = replace(ensemble, manifest=manifest, novelty={}, folder=None).save(tmp_path / "plain")
    table = plain.answer(paths[:3])
    assert table["novelty"].isna().all()
    assert not table["why"].str.contains("unlike").any()


def test_a_folder_that_was_written_anew_is_opened_anew(ensemble: Ensemble, paths: list[Path], tmp_path: Path) -> None:
    first = ensemble.finished(DECISIONS, None).save(tmp_path / "one").answer(paths[:2])
    changed = replace(DECISIONS, plan=replace(DECISIONS.plan, weights={"main": 0.1, "kernel": 0.9}, rules=()))
    again = ensemble.finished(changed, None).save(tmp_path / "one").answer(paths[:2])
    assert (first["confidence"] != again["confidence"]).any()
