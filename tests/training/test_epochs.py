import numpy as np
import pytest

from docsort.training.epochs import plan_epoch
from docsort.training.parameters import TrainingParameters

RECIPE = TrainingParameters.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 3,
        "patience": 3,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
        "jitter": 0.2,
        "mixup": 0.4,
    }
)


@pytest.mark.parametrize("count", [7, 8, 10, 16])
def test_every_row_comes_once_an_epoch(count: int) -> None:
    assert sorted(np.concatenate(plan_epoch(count, RECIPE, 1, "fold_0", 0).rows)) == list(range(count))


def test_last_single_row_is_left_out() -> None:
    plan = plan_epoch(17, RECIPE, 1, "fold_0", 0)
    assert [len(rows) for rows in plan.rows] == [8, 8]
    assert len(plan.mix) == 2


def test_plan_depends_on_seed_task_and_epoch_alone() -> None:
    first = plan_epoch(50, RECIPE, 1, "fold_0", 2)
    again = plan_epoch(50, RECIPE, 1, "fold_0", 2)
    np.testing.assert_array_equal(np.concatenate(first.rows), np.concatenate(again.rows))
    np.testing.assert_array_equal(first.turns, again.turns)
    assert first.mix == again.mix
    for other in (("fold_1", 1, 2), ("fold_0", 2, 2), ("fold_0", 1, 3)):
        name, seed, epoch = other
        different = plan_epoch(50, RECIPE, seed, name, epoch)
        assert not np.array_equal(np.concatenate(first.rows), np.concatenate(different.rows))
        assert not np.array_equal(first.turns, different.turns)


def test_draws_keep_to_their_ranges() -> None:
    plan = plan_epoch(4000, RECIPE, 1, "fold_0", 0)
    assert np.bincount(plan.turns, minlength=8).min() > 400
    assert plan.contrast.min() >= 0.8
    assert plan.contrast.max() <= 1.2
    assert np.abs(plan.brightness).max() <= 0.1
    assert all(0 <= share <= 1 for share in plan.mix)


def test_what_is_off_draws_nothing() -> None:
    plan = plan_epoch(20, RECIPE.model_copy(update={"turns": False, "jitter": 0, "mixup": 0}), 1, "fold_0", 0)
    assert not plan.turns.any()
    assert (plan.contrast == 1).all()
    assert (plan.brightness == 0).all()
    assert set(plan.mix) == {1.0}
