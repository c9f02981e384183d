from pathlib import Path

import numpy as np
import pytest

from docsort.errors import WeightsError
from docsort.images.dihedral import TURNS
from docsort.looking.features import turned
from docsort.looking.looks import ARRAYS_FILE, DESCRIPTION_FILE, Look, load_look, save_look
from docsort.looking.symmetry import COMPOSED
from docsort.looking.tasks import LookTask, learn_look
from docsort.stores import Store


@pytest.fixture(scope="module")
def look(task: LookTask, tmp_path_factory: pytest.TempPathFactory) -> Look:
    return load_look(learn_look(task, Store(tmp_path_factory.mktemp("looks"))).folder)


def test_a_turned_page_gets_the_same_answer_with_the_turns_in_another_order(look: Look) -> None:
    pages = look.numbers[:4]
    expected = look.posterior(pages)
    for turn in TURNS:
        found = look.posterior(turned(pages, turn))
        np.testing.assert_allclose(found[:, COMPOSED[turn]], expected, atol=1e-4)


def test_answers_do_not_depend_on_the_other_pages_asked_about(look: Look) -> None:
    many = np.concatenate([look.numbers] * 12)[:150]
    np.testing.assert_allclose(look.posterior(many)[:3], look.posterior(many[:3]), atol=1e-6)
    assert look.posterior(many[:0]).shape == (0, 8, 4)


def test_what_is_saved_is_what_is_loaded_and_the_same_bytes_twice(look: Look, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_look(look, tmp_path / name)
    for file in (ARRAYS_FILE, DESCRIPTION_FILE):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    again = load_look(tmp_path / "a")
    np.testing.assert_array_equal(again.posterior(look.numbers), look.posterior(look.numbers))


def test_a_damaged_look_is_refused(look: Look, tmp_path: Path) -> None:
    save_look(look, tmp_path)
    whole = (tmp_path / ARRAYS_FILE).read_bytes()
    (tmp_path / ARRAYS_FILE).write_bytes(whole[:-200])
    with pytest.raises(WeightsError, match="cannot be read"):
        load_look(tmp_path)
    np.savez(tmp_path / ARRAYS_FILE, numbers=np.array([{}], dtype=object), turns=[0], weights=[0])
    with pytest.raises(WeightsError, match="allow_pickle=False"):
        load_look(tmp_path)
    np.savez(tmp_path / ARRAYS_FILE, numbers=np.zeros((2, 7)), turns=np.zeros(2), weights=np.zeros((8, 2, 4)))
    with pytest.raises(WeightsError, match="described in another way"):
        load_look(tmp_path)
    with pytest.raises(WeightsError, match="cannot be read"):
        load_look(tmp_path / "nowhere")
