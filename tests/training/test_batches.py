"""Batches carry the draws of their own rows, whatever the share of the work."""

from typing import Any

import numpy as np
import pytest
import torch

from docsort.training.batches import EpochBatches, Share, Split
from docsort.training.epochs import plan_epoch
from docsort.training.parameters import TrainingParameters

COUNT = 11


class _Numbered:
    """Pages whose every pixel is their row."""

    def __len__(self) -> int:
        return COUNT

    def batches(self, rows: Any) -> Any:
        return (torch.from_numpy(numbers).view(-1, 1, 1, 1) for numbers in rows)


def _batches(done: int = 0, share: Share = Share(), **changes: Any) -> tuple[Any, EpochBatches]:  # noqa: B008
    values = {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 1,
        "patience": 1,
        "batch_size": 4,
        "learning_rate": {"scratch": 0.1, "pretrained": 0.1},
        "jitter": 0.2,
    }
    plan = plan_epoch(COUNT, TrainingParameters(**{**values, **changes}), 0, "fold_0", 0)
    labels = np.arange(COUNT, dtype=np.int64) % 3
    return plan, EpochBatches(Split(_Numbered(), labels), plan, done, share)


@pytest.mark.parametrize("share", [Share(), Share(0, 2), Share(1, 2)])
@pytest.mark.parametrize("done", [0, 1])
def test_each_page_comes_with_its_own_draws(done: int, share: Share) -> None:
    plan, batches = _batches(done, share)
    seen = 0
    for batch, rows in zip(batches, plan.rows[done:], strict=True):
        own = share.of(rows)
        assert batch.pages.flatten().tolist() == own.tolist()
        assert batch.labels.tolist() == (own % 3).tolist()
        for drawn, planned in [
            (batch.turns, plan.turns),
            (batch.contrast, plan.contrast),
            (batch.brightness, plan.brightness),
        ]:
            np.testing.assert_array_equal(drawn.numpy(), planned[own])
        seen += 1
    assert seen == len(batches) == len(plan.rows) - done


def test_an_epoch_without_turns_has_none() -> None:
    assert all(batch.turns is None for batch in _batches(dihedral=False)[1])
