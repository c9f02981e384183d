import numpy as np
import pytest

from docsort.training.epochs import Mix, plan_epoch, row_weights
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


def test_a_last_batch_that_does_not_go_round_is_left_out() -> None:
    assert [len(rows) for rows in plan_epoch(19, RECIPE, 1, "fold_0", 0, world=2).rows] == [8, 8]
    assert [len(rows) for rows in plan_epoch(20, RECIPE, 1, "fold_0", 0, world=2).rows] == [8, 8, 4]


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
    assert all(0 <= mix.share <= 1 and mix.box is None for mix in plan.mix)


def test_what_is_off_draws_nothing() -> None:
    plan = plan_epoch(20, RECIPE.model_copy(update={"dihedral": False, "jitter": 0, "mixup": 0}), 1, "fold_0", 0)
    assert not plan.turns.any()
    assert (plan.contrast == 1).all()
    assert (plan.brightness == 0).all()
    assert set(plan.mix) == {Mix()}


def test_a_box_covers_the_share_that_is_not_the_pages_own_and_stays_on_the_page() -> None:
    recipe = RECIPE.model_copy(update={"mixup": 0, "cutmix": 1.0})
    plan = plan_epoch(4000, recipe, 1, "fold_0", 0)
    for share, box in plan.mix:
        assert box is not None
        top, bottom, left, right = box
        assert 0 <= top <= bottom <= 1
        assert 0 <= left <= right <= 1
        assert share == pytest.approx(1 - (bottom - top) * (right - left))
    assert 0.55 < np.mean([mix.share for mix in plan.mix]) < 0.8  # boxes at the edge are cut off


def test_both_mixings_come_by_turns_until_they_are_switched_off() -> None:
    recipe = RECIPE.model_copy(update={"cutmix": 1.0, "mix_share": 0.67})
    for epoch in (0, 1):
        boxed = np.mean([mix.box is not None for mix in plan_epoch(4000, recipe, 1, "fold_0", epoch).mix])
        assert 0.4 < boxed < 0.6
    assert set(plan_epoch(4000, recipe, 1, "fold_0", 2).mix) == {Mix()}


def test_balanced_sampling_draws_classes_equally_often_and_oversampled_ones_oftener() -> None:
    labels = np.repeat([0, 1, 2], [3000, 900, 100])
    assert row_weights(labels, [3, 7, 14], RECIPE) is None
    for changes, expected in (
        ({"sampling": "balanced"}, [1, 1, 1]),
        ({"sampling": "balanced", "oversample": {14: 2.0}}, [1, 1, 2]),
        ({"oversample": {7: 3.0}}, [3000, 2700, 100]),
    ):
        recipe = RECIPE.model_copy(update=changes)
        weights = row_weights(labels, [3, 7, 14], recipe)
        drawn = np.concatenate(plan_epoch(len(labels), recipe, 1, "fold_0", 0, weights).rows)
        shares = np.bincount(labels[drawn], minlength=3) / len(drawn)
        np.testing.assert_allclose(shares, np.array(expected) / sum(expected), atol=0.03)
