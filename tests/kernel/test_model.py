import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_pages import SIDE, draw

from docsort.arrays import read_arrays, write_arrays
from docsort.errors import StorageError, WeightsError
from docsort.images.dihedral import TURNS, apply_turn
from docsort.kernel import model as model_module
from docsort.kernel.describing import describe_square
from docsort.kernel.descriptors import turned
from docsort.kernel.model import ARRAYS_FILE, FACTS_FILE, KernelMember, KernelModel, load_model, save_model
from docsort.kernel.symmetry import COMPOSED
from docsort.members.views import all_views

POLICY = all_views((0,))


class DrawnPages:
    """Pages in memory: (kind, seed, turn) each."""

    def __init__(self, rows: Sequence[tuple[int, int, int]]) -> None:
        self.rows = list(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def squares(self, rows: Sequence[int], side: int) -> Any:
        assert side == SIDE
        return np.stack([apply_turn(draw(kind, seed), turn) for kind, seed, turn in (self.rows[row] for row in rows)])


def ask(model: KernelModel, pages: DrawnPages, known: Any = None) -> Any:
    """(N, K)"""
    nothing = np.full((len(pages), 1, len(model.targets)), np.nan, dtype=np.float32)
    return KernelMember(model).predict(pages, POLICY, nothing if known is None else known)[:, 0]


MANY = DrawnPages([(number % 3, number, number % 8) for number in range(40)])
"""More than one batch."""


def test_a_turned_page_gets_the_same_answer_with_the_turns_in_another_order(model: KernelModel) -> None:
    pages = model.numbers[:4]
    expected = model.posterior(pages)
    for turn in TURNS:
        found = model.posterior(turned(pages, turn))
        np.testing.assert_allclose(found[:, COMPOSED[turn]], expected, atol=1e-4)


@pytest.mark.parametrize("turn", TURNS)
def test_a_page_is_recognised_in_any_turn_and_so_is_its_turn(model: KernelModel, turn: int) -> None:
    pages = DrawnPages([(kind, 9, turn) for kind in range(3)])
    upright = ask(model, DrawnPages([(kind, 9, 0) for kind in range(3)]))
    assert upright.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(ask(model, pages), upright, atol=0.01)
    numbers = np.stack([describe_square(square, True) for square in pages.squares(range(3), SIDE)])
    assert (model.posterior(numbers).sum(axis=2).argmax(axis=1) == turn).all()


def test_a_page_gets_the_same_bits_alone_in_any_company_and_in_any_order(model: KernelModel) -> None:
    together = ask(model, MANY)
    assert len(np.unique(together, axis=0)) == len(MANY)  # so that a page in another's place would show
    backwards = ask(model, DrawnPages(MANY.rows[::-1]))
    np.testing.assert_array_equal(backwards[::-1], together)
    for row in (0, 7, 33, 39):
        np.testing.assert_array_equal(ask(model, DrawnPages(MANY.rows[row : row + 1]))[0], together[row])
    assert ask(model, DrawnPages([])).shape == (0, 4)


def test_pages_are_compared_one_at_a_time(model: KernelModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """How BLAS adds up depends on the shape of a matrix, and on some processors on the place of a row in it."""
    sizes = []
    compare = model_module.distances_to_known
    monkeypatch.setattr(
        model_module, "distances_to_known", lambda some, *known: (sizes.append(len(some)), compare(some, *known))[1]
    )
    ask(model, MANY)
    ask(model, DrawnPages(MANY.rows[:1]))
    assert len(sizes) > 2
    assert set(sizes) == {1}


def test_what_is_known_stays_as_it_is_and_changes_no_other_page(model: KernelModel) -> None:
    known = np.full((len(MANY), 1, 4), np.nan, dtype=np.float32)
    known[[3, 8, 30]] = 0.25
    found = ask(model, MANY, known)
    np.testing.assert_array_equal(found[[3, 8, 30]], 0.25)
    rest = np.setdiff1d(np.arange(len(MANY)), [3, 8, 30])
    np.testing.assert_array_equal(found[rest], ask(model, MANY)[rest])


def test_the_models_of_all_folds_have_a_page_described_once(
    model: KernelModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = []

    def counted(square: Any, straightened: bool) -> Any:
        described.append(square)
        return describe_square(square, straightened)

    monkeypatch.setattr(model_module, "describe_square", counted)
    pages, others = DrawnPages(MANY.rows[:5]), DrawnPages(MANY.rows[:5])
    first, second = (ask(model, pages) for _ in range(2))
    assert len(described) == 5
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(ask(model, others), first)
    assert len(described) == 10  # other pages are described for themselves


def test_what_is_saved_is_what_is_loaded_and_the_same_bytes_twice(model: KernelModel, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_model(model, tmp_path / name)
    for file in (ARRAYS_FILE, FACTS_FILE):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    again = load_model(tmp_path / "a")
    np.testing.assert_array_equal(again.posterior(model.numbers), model.posterior(model.numbers))


def test_a_damaged_model_is_refused(model: KernelModel, tmp_path: Path) -> None:
    save_model(model, tmp_path)
    whole, arrays = (tmp_path / ARRAYS_FILE).read_bytes(), read_arrays(tmp_path / ARRAYS_FILE)
    (tmp_path / ARRAYS_FILE).write_bytes(whole[:-200])
    with pytest.raises(StorageError, match=r"Expected arrays in .*kernel\.safetensors, but the file cannot be read"):
        load_model(tmp_path)
    write_arrays(tmp_path / ARRAYS_FILE, {**arrays, "numbers": np.zeros((2, 7), np.float16)})
    with pytest.raises(WeightsError, match="described in another way"):
        load_model(tmp_path)
    write_arrays(tmp_path / ARRAYS_FILE, {**arrays, "turns": arrays["turns"][1:]})
    with pytest.raises(WeightsError, match="its arrays do not fit each other"):
        load_model(tmp_path)
    write_arrays(tmp_path / ARRAYS_FILE, {name: arrays[name] for name in ("numbers", "turns")})
    with pytest.raises(WeightsError, match="Expected a kernel model in .*weights"):
        load_model(tmp_path)


def test_facts_that_cannot_be_read_are_refused(model: KernelModel, tmp_path: Path) -> None:
    save_model(model, tmp_path)
    facts = json.loads((tmp_path / FACTS_FILE).read_text())
    for text in ("{", "[]", json.dumps({**facts, "targets": "none"})):
        (tmp_path / FACTS_FILE).write_text(text)
        with pytest.raises(WeightsError, match=r"kernel\.json to describe a kernel model"):
            load_model(tmp_path)
    with pytest.raises(StorageError, match=r"read .*kernel\.json, but got: No such file or directory; .*run the pipel"):
        load_model(tmp_path / "nowhere")
