import numpy as np
import pandas as pd
import pytest
from drawn_pages import as_pages, looked_at, renders

from docsort.images.dihedral import TURNS
from docsort.looking.opinions import TURN_POSTERIOR, predict_by_look, turn_posterior
from docsort.looking.tasks import LookTask, learn_look
from docsort.metrics import mean_over_turns
from docsort.stores import Store
from docsort.tables import PREDICTION_KEYS, probability_columns
from docsort.training.checkpoints import Checkpoint
from docsort.views import all_views


@pytest.fixture(scope="module")
def checkpoint(task: LookTask, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return learn_look(task, Store(tmp_path_factory.mktemp("looks")))


@pytest.fixture
def held_out() -> pd.DataFrame:
    return renders().query("fold == 0").reset_index(drop=True)


def test_unseen_pages_are_told_apart_and_a_class_without_pages_gets_nothing(
    checkpoint: Checkpoint, held_out: pd.DataFrame
) -> None:
    table = predict_by_look(checkpoint, as_pages(held_out), looked_at(held_out), all_views((0, 5)))
    assert table.columns.tolist() == [*PREDICTION_KEYS, "p_0", "p_1", "p_2", "p_5"]
    assert table["turn"].tolist() == [0, 5] * len(held_out)
    assert (table["p_5"] == 0).all()
    members = mean_over_turns(table)
    assert members["model"].unique().tolist() == ["look"]
    assert (members[probability_columns(members)].to_numpy().argmax(axis=1) == members["label"]).all()


@pytest.mark.parametrize("turn", TURNS)
def test_the_turn_of_a_page_is_told(checkpoint: Checkpoint, held_out: pd.DataFrame, turn: int) -> None:
    table = turn_posterior(checkpoint, as_pages(held_out), looked_at(held_out, turn))
    assert tuple(table.columns) == TURN_POSTERIOR
    turns = table[[f"t_{each}" for each in TURNS]].to_numpy()
    np.testing.assert_allclose(turns.sum(axis=1), 1)
    assert (turns.argmax(axis=1) == turn).all()


def test_no_pages_give_no_rows(checkpoint: Checkpoint, held_out: pd.DataFrame) -> None:
    table = predict_by_look(checkpoint, as_pages(held_out.iloc[:0]), looked_at(held_out), all_views())
    assert table.empty
    assert table.columns.tolist() == [*PREDICTION_KEYS, "p_0", "p_1", "p_2", "p_5"]
