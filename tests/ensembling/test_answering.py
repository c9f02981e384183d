"""How pages are answered: each different one once, here or in workers, and with a reason where a person should look."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_ensemble import DECISIONS, JPEG_QUALITY, TARGETS, Photo

from docsort.ensembling import answering
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.photos import Listed, killers
from docsort.errors import StorageError, WorkerError
from docsort.images.reading import killed_its_worker
from docsort.member_kinds import kind_of
from docsort.members.pages import PhotoPages
from docsort.members.views import all_views
from docsort.stores import Store
from docsort.work.executor import Lease


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


def test_each_member_is_asked_about_pages_laid_as_it_has_learnt_them_and_about_no_other(
    ensemble: Ensemble, paths: list[Path], photos: list[Photo]
) -> None:
    """Against each member asked by itself, about pages in either layout; networks have learnt straight ones."""
    predictions, columns = ensemble.predict(paths), [f"p_{target}" for target in TARGETS]
    general = [each for each in ensemble.manifest.members if each.name != "pair"]
    assert {each.name for each in general} == {"main", "kernel"}
    for member in general:
        checkpoint, policy = ensemble.checkpoints[member.key], answering._policy(ensemble, member)
        opened = kind_of(checkpoint).load(checkpoint, "cpu")
        unknown = np.full((len(photos), len(policy.views), len(TARGETS)), np.nan, dtype=np.float32)
        straight, as_it_lies = (
            opened.predict(PhotoPages(photos, straighten, JPEG_QUALITY), policy, unknown)[:, 0]
            for straighten in (True, False)
        )
        assert (straight != as_it_lies).any(axis=1).sum() > len(photos) / 2
        own = predictions[(predictions["model"] == member.name) & (predictions["fold"] == member.fold)]
        first = own[(own["turn"] == 0) & (own["scale"] == 100)][columns].to_numpy()
        np.testing.assert_array_equal(first, straight if member.name == "main" else as_it_lies)


def test_a_member_that_does_not_say_which_pages_it_has_learnt_answers_nothing(
    ensemble: Ensemble, paths: list[Path], tmp_path: Path
) -> None:
    old = ensemble.finished(DECISIONS, None).save(tmp_path / "old")
    store = Store(tmp_path / "old/members")
    record = store.record("kernel_1")
    store.complete("kernel_1", {key: value for key, value in record.items() if key != "straighten"})
    with pytest.raises(StorageError, match="kernel_1 to say which pages it wants, but it does not.*; train it again"):
        old.answer(paths[:1])


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


class Frail:
    """An executor in this process, whose worker dies of one page."""

    def __init__(self, deadly: Path) -> None:
        self._deadly = deadly

    def map(self, function: Any, tasks: Any, needs: Any) -> Any:
        for task in tasks:
            if self._deadly in task[3]:
                raise WorkerError("A worker process died.")
            yield function(*task, Lease(("cpu",), 1))


def test_a_page_that_kills_its_worker_is_answered_as_unreadable_and_costs_no_other(
    ensemble: Ensemble, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = paths[2]
    expected = ensemble.answer(paths[:6])
    monkeypatch.setattr(answering, "executor", lambda: Frail(deadly))
    monkeypatch.setattr(answering, "CHUNK", 2)
    monkeypatch.setattr(
        answering, "killers", lambda pages: {n: killed_its_worker(p) for n, p in enumerate(pages) if p == deadly}
    )
    answers = ensemble.answer(paths[:6], in_workers=True)
    assert answers["why"][2].startswith(f"unreadable: {deadly}: decoding it ended its worker")
    pd.testing.assert_frame_equal(answers.drop(index=2), expected.drop(index=2))


def test_a_worker_that_dies_of_no_page_ends_the_answering(
    ensemble: Ensemble, paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "executor", lambda: Frail(paths[0]))
    monkeypatch.setattr(answering, "killers", lambda pages: {})
    with pytest.raises(WorkerError, match=r"A worker process died\."):
        ensemble.answer(paths[:3], in_workers=True)


def test_the_page_that_kills_is_told_from_the_others(paths: list[Path]) -> None:
    assert killers([*paths[:2], b"no picture, which is harmless"]) == {}


def test_a_page_may_be_the_first_of_a_document(ensemble: Ensemble, paths: list[Path], tmp_path: Path) -> None:
    pages = [Image.open(path).convert("RGB") for path in paths[:2]]
    pages[0].save(tmp_path / "letter.pdf", "PDF", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "first.pdf", "PDF")
    document = tmp_path / "letter.pdf"
    several, alone = (ensemble.predict([page]) for page in (document, tmp_path / "first.pdf"))
    assert len(several) == len(alone) > 0
    columns = [name for name in several if name.startswith("p_")]
    assert np.array_equal(several[columns].to_numpy(), alone[columns].to_numpy(), equal_nan=True)
    by_bytes = ensemble.answer([document.read_bytes()])
    assert by_bytes["target"].tolist() == ensemble.answer([document])["target"].tolist()
