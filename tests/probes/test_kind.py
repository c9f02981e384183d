from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_pages import draw
from pydantic import ValidationError

from docsort.errors import InputError, WeightsError
from docsort.images.dihedral import apply_turn
from docsort.members.fitting import fit
from docsort.members.member import Kind
from docsort.members.pages import PhotoPages, RenderPages
from docsort.members.prediction import predict
from docsort.members.splits import pages_to_judge
from docsort.members.views import all_views
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.probes import model as probe_model
from docsort.probes.kind import GreyKind, ProbeKind, ProbeTask, SlimResidualKind
from docsort.probes.model import ARRAYS_FILE
from docsort.probes.regression import Known
from docsort.stores import Store
from docsort.tables import probability_columns
from docsort.work.executor import Lease

MakeTask = Callable[..., ProbeTask]


def some(known: Known, rows: np.ndarray) -> Known:
    return Known(known.features[rows], known.labels[rows], known.folds[rows], known.test_like[rows])


def test_what_a_fold_holds_out_is_not_learnt_and_its_test_like_pages_are_not_either(
    make_task: MakeTask, drawn: Any
) -> None:
    task = make_task("probe")
    assert set(task.known.folds) == {1, 2}
    # of 12 sources: the plain page, three copies, and one test-like page
    assert (len(task.known), int(task.known.test_like.sum())) == (60, 12)
    without = make_task("probe", damaged=False, copies=1)
    assert (len(without.known), int(without.known.test_like.sum())) == (24, 0)


@pytest.mark.parametrize("kind", [ProbeKind(), SlimResidualKind(), GreyKind()], ids=lambda kind: kind.name)
def test_unseen_pages_are_recognised_and_a_class_without_pages_gets_nothing(
    kind: Kind, make_task: MakeTask, drawn: Any, tmp_path: Path
) -> None:
    folds, _, validation = drawn
    task = make_task(kind.name)
    checkpoint = fit(task, Store(tmp_path))
    assert kind.targets(checkpoint) == (0, 1, 2, 5)
    assert all((checkpoint.folder / name).is_file() for name in kind.files)
    pages = pages_to_judge(checkpoint, task.name, 0, folds, validation)
    table = predict(kind, checkpoint, pages, all_views((0, 5)), kind.name, task.split.cache)
    values = table[probability_columns(table)].to_numpy()
    assert (table["p_5"] == 0).all()
    right = values.argmax(axis=1) == table["label"]
    assert right.mean() > (0.6 if kind.name == "grey" else 0.95)
    # a page that is turned has the same features, and other grey pixels
    assert np.array_equal(values[::2], values[1::2]) == kind.equivariant


def test_an_answer_does_not_depend_on_the_pages_beside_it_nor_on_what_was_cached(
    make_task: MakeTask, tmp_path: Path
) -> None:
    checkpoint = fit(make_task("probe"), Store(tmp_path))
    pages = [draw(number % 3, 50 + number) for number in range(5)]
    pages[4] = np.ascontiguousarray(apply_turn(pages[3], 6))
    policy = all_views((0,))

    def ask(chosen: list[np.ndarray]) -> np.ndarray:
        member = ProbeKind().load(checkpoint, "cpu")
        empty = np.full((len(chosen), 1, 4), np.nan, dtype=np.float32)
        return member.predict(PhotoPages(chosen, False, 100), policy, empty)[:, 0]

    together = ask(pages)
    for number, page in enumerate(pages):
        np.testing.assert_array_equal(ask([page])[0], together[number])


@pytest.mark.parametrize("kind", [ProbeKind(), SlimResidualKind()], ids=lambda kind: kind.name)
def test_as_a_graph_it_answers_as_the_member_does(kind: Kind, make_task: MakeTask, tmp_path: Path) -> None:
    checkpoint = fit(make_task(kind.name), Store(tmp_path))
    pages = PhotoPages([draw(number % 3, 70 + number) for number in range(4)], False, 100)
    empty = np.full((4, 1, 4), np.nan, dtype=np.float32)
    expected = kind.load(checkpoint, "cpu").predict(pages, all_views((0,)), empty)[:, 0]
    graph = kind.graph(checkpoint).eval()
    with torch.no_grad():
        found = graph(torch.from_numpy(pages.squares(range(4), graph.side)))[0].numpy()
    assert np.abs(found - expected).max() < 1e-4
    assert (found[:, 3] == 0).all()
    assert np.ptp(expected, axis=0)[:3].min() > 0.1  # pages differ


def test_the_members_of_all_folds_read_a_page_once(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fit(make_task("probe"), Store(tmp_path))
    second = fit(make_task("probe", class_weights="balanced"), Store(tmp_path))
    pages = PhotoPages([draw(0, 1), draw(1, 1)], False, 95)
    empty = np.full((2, 1, 4), np.nan, dtype=np.float32)
    ProbeKind().load(first, "cpu").predict(pages, all_views((0,)), empty)
    read: list[int] = []
    monkeypatch.setattr(pages, "squares", lambda rows, side: read.append(len(rows)))
    found = ProbeKind().load(second, "cpu").predict(pages, all_views((0,)), empty)
    assert not read
    assert not np.isnan(found).any()


def test_what_was_read_for_training_is_not_read_again_to_predict(
    make_task: MakeTask, drawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task("probe")
    member = ProbeKind().load(fit(task, Store(tmp_path)), "cpu")
    paths = task.split.training["path"].tolist()[:3]
    empty = np.full((3, 1, 4), np.nan, dtype=np.float32)
    fresh = member.predict(RenderPages(paths), all_views((0,)), empty)
    monkeypatch.setattr(probe_model, "READ", 0)  # nothing can be read now
    cached = RenderPages(paths, cache=task.split.cache)
    np.testing.assert_array_equal(member.predict(cached, all_views((0,)), empty), fresh)


def test_two_learnings_of_the_same_pages_leave_the_same_bytes(make_task: MakeTask, tmp_path: Path) -> None:
    for kind in ("probe", "slim_residual"):
        task = make_task(kind)
        for name in ("a", "b"):
            task.run(tmp_path / kind / name, Lease(("cpu",), 1))
        for file in (ARRAYS_FILE, WEIGHTS_FILE):
            assert (tmp_path / kind / "a" / file).read_bytes() == (tmp_path / kind / "b" / file).read_bytes()


def test_key_counts_what_decides_the_model_and_not_where_it_runs(make_task: MakeTask) -> None:
    task = make_task("probe")
    assert replace(task, parameters=task.parameters.model_copy(update={"device": "auto"})).key() == task.key()
    others = [
        replace(task, name="x"),
        replace(task, seed=2),
        replace(task, known=some(task.known, np.arange(len(task.known)) > 0)),
        replace(task, parameters=task.parameters.model_copy(update={"class_weights": "balanced"})),
        make_task("slim_residual"),
    ]
    assert len({each.key() for each in (task, *others)}) == 6


@pytest.mark.parametrize("kind", ["probe", "slim_residual"])
def test_a_frozen_network_that_has_never_learnt_is_refused(kind: str, make_task: MakeTask) -> None:
    for given in ({"pretrained": False}, {"backbone": "lcnet_035", "pretrained": "auto"}):
        with pytest.raises(ValidationError, match="Expected pretrained weights for a network that stays as it is"):
            make_task(kind, **given)


def test_pages_of_one_class_are_refused(make_task: MakeTask) -> None:
    task = make_task("grey")
    with pytest.raises(InputError, match="Expected pages of two classes at least to make grey_fold_0"):
        replace(task, known=some(task.known, task.known.labels == 0)).check()


def test_a_probe_of_other_classes_is_refused(make_task: MakeTask, tmp_path: Path) -> None:
    facts = replace(make_task("grey")._facts(), targets=(0, 1))
    head = make_task("grey")._fit(4, 0)[0]
    probe_model.save_probe(head, facts, tmp_path)
    with pytest.raises(WeightsError, match="weights of a probe of 2 classes"):
        probe_model.read_head(tmp_path, facts)
