"""Two processes that talk by gloo train one model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from docsort.members.fitting import fit
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.stores import Store
from docsort.training.batches import Share
from docsort.training.kind import NetworkTask
from docsort.training.parallel import fit_together
from docsort.work.executor import Lease
from docsort.work.together import ProcessGroupError

MakeTask = Callable[..., NetworkTask]
PLAIN = {
    "backbone": "test_convnext",
    "optimizer": "sgd",
    "epochs": 2,
    "batch_size": 11,
    "jitter": 0.2,
    "dihedral": True,
}
"""No batch norm and no dropout: what two processes do together is then what one does alone."""


@pytest.mark.parametrize("length", [5, 6])
def test_every_value_is_in_one_share(length: int) -> None:
    shares = [Share(rank, 2).of(torch.arange(length)) for rank in (0, 1)]
    assert sorted(torch.cat(shares).tolist()) == list(range(length))


def test_two_processes_end_with_the_weights_of_one(make_task: MakeTask, tmp_path: Path) -> None:
    """Batches of 11 are dealt unevenly, and still each page counts the same."""
    found = {}
    for devices in (1, 2):
        store = Store(tmp_path / str(devices))
        checkpoint = fit(make_task(devices=devices, **PLAIN), store)
        found[devices] = safetensors.torch.load_file(checkpoint.folder / WEIGHTS_FILE), checkpoint
    alone, together = (weights for weights, _ in found.values())
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-3, atol=1e-4)
    histories = [checkpoint.read_history() for _, checkpoint in found.values()]
    losses = [torch.tensor(each["train_loss"].to_numpy()) for each in histories]
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-4)
    for column in ("clean_macro_f1", "test_like_macro_f1"):
        assert histories[0][column].tolist() == histories[1][column].tolist()
    record = found[2][1].record()
    assert record is not None
    assert record["device"] == "cpu, cpu"


@pytest.mark.slow
def test_all_end_when_one_fails(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task(devices=2, **{**PLAIN, "learning_rate": {"scratch": 1e30, "pretrained": 1e-3}})
    with pytest.raises(ProcessGroupError, match=r"run _fit_share together, but number \d failed: .*finite.* of fold_0"):
        fit_together(task, tmp_path, Lease(("cpu", "cpu"), 1))
