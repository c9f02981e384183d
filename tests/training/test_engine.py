"""Trainings of seconds on the toy job, in this process."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import safetensors.torch
import torch
from pydantic import ValidationError

from docsort.errors import InputError, WeightsError
from docsort.members.checkpoints import HISTORY, HISTORY_FILE
from docsort.models.backbones import build_model, head_prefixes
from docsort.models.descriptions import WEIGHTS_FILE, read_description
from docsort.models.weights import load_model
from docsort.training import engine, input_path
from docsort.training.engine import fit
from docsort.training.kind import NetworkTask
from docsort.training.module import TrainingError
from docsort.training.parameters import HeadParameters

MakeTask = Callable[..., NetworkTask]


def _fit(task: NetworkTask, folder: Path) -> dict[str, Any]:
    return fit(task, folder, "cpu", concurrent=1)


def _weights(folder: Path) -> bytes:
    return (folder / WEIGHTS_FILE).read_bytes()


def test_learns_what_can_be_learnt(make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="docsort"):
        record = _fit(make_task(backbone="test_convnext", epochs=4, patience=4, batch_size=8), tmp_path)
    assert record["test_like_macro_f1"] >= 0.9
    history = pd.read_csv(tmp_path / HISTORY_FILE)
    assert tuple(history.columns) == HISTORY
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0] / 2
    best = history[history["epoch"] == record["best_epoch"]].iloc[0]
    assert best["test_like_macro_f1"] == history["test_like_macro_f1"].max()
    description = read_description(tmp_path)
    assert description.targets == (2, 5, 9)
    assert description.mean == (0.5, 0.5, 0.5)
    assert any("fold_0 epoch 1/4 loss" in line and "images/s" in line for line in caplog.messages)
    assert not list(tmp_path.glob("lightning_logs"))


CONFIGS: list[dict[str, Any]] = [
    {},
    {"mixup": 0.4, "label_smoothing": 0.1, "drop_rate": 0.2, "jitter": 0.2, "class_weights": "inverse"},
    {"ema_decay": 0.9, "accumulate": 2, "clip_norm": 1.0, "warmup_epochs": 0.5, "optimizer": "lamb"},
]


@pytest.mark.parametrize("changes", CONFIGS)
def test_same_task_gives_the_same_weights_bit_for_bit(make_task: MakeTask, tmp_path: Path, changes: Any) -> None:
    for name in ("one", "two"):
        torch.rand(3)  # what was drawn before must not matter
        _fit(make_task(epochs=2, **changes), tmp_path / name)
    assert _weights(tmp_path / "one") == _weights(tmp_path / "two")


def test_a_frozen_backbone_stays_as_it_was_until_its_epochs_are_over(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = build_model("lcnet_035", 3, 32).state_dict()
    torch.save(given, tmp_path / "given.pth")
    seen: list[dict[str, torch.Tensor]] = []

    class Watched(engine.PageClassifier):
        def on_train_epoch_end(self) -> None:
            seen.append({name: value.clone() for name, value in self.net.state_dict().items()})
            super().on_train_epoch_end()

    monkeypatch.setattr(engine, "PageClassifier", Watched)
    _fit(make_task(epochs=3, freeze_epochs=2, pretrained=str(tmp_path / "given.pth")), tmp_path / "out")
    backbone = {name for name in given if not name.startswith("classifier")}
    for number, state in enumerate(seen):
        same = {name for name, value in state.items() if torch.equal(value, given[name])}
        assert "classifier.weight" not in same
        assert (backbone <= same) == (number < 2)


@pytest.mark.parametrize("head", [{"kind": "mlp", "hidden": [16]}, {"kind": "arcface"}])
@pytest.mark.parametrize("backbone", ["lcnet_035", "test_convnext"])
def test_frozen_leaves_the_whole_head_to_learn_and_nothing_else(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backbone: str, head: Any
) -> None:
    given = build_model(backbone, 3, 32).state_dict()
    torch.save(given, tmp_path / "given.pth")
    (prefix,) = head_prefixes(build_model(backbone, 3, 32))
    seen: list[tuple[set[str], set[str], set[str]]] = []

    class Watched(engine.PageClassifier):
        def on_train_epoch_end(self) -> None:
            learning = {name for name, each in self.net.named_parameters() if each.requires_grad}
            training = {name for name, each in self.net.named_modules() if name and each.training}
            same = {name for name, value in self.net.state_dict().items() if torch.equal(value, given.get(name, value))}
            seen.append((learning, training, same))
            super().on_train_epoch_end()

    monkeypatch.setattr(engine, "PageClassifier", Watched)
    changes = {"head": head, "freeze_epochs": 1, "epochs": 2, "batch_size": 8}
    _fit(make_task(backbone=backbone, pretrained=str(tmp_path / "given.pth"), **changes), tmp_path / "out")
    net = build_model(backbone, 3, 32, head=HeadParameters(**head).record())
    names, layers = {name for name, _ in net.named_parameters()}, {name for name, _ in net.named_modules() if name}
    of_head = {name for name in names if name.startswith(f"{prefix}.")}
    learning, training, same = seen[0]
    assert learning == of_head
    assert training == {name for name in layers if name == prefix or name.startswith(f"{prefix}.")}
    assert {name for name in given if not name.startswith(f"{prefix}.")} <= same
    assert seen[1][0] == names
    assert seen[1][1] == layers
    assert not names - of_head <= seen[1][2]


@pytest.mark.parametrize(
    "changes",
    [
        {"head": {"kind": "mlp", "hidden": [32]}, "drop_rate": 0.1},
        {"head": {"kind": "arcface", "scale": 16}, "mixup": 0.4, "label_smoothing": 0.1},
        {"drop_path_rate": 0.2},
        {"layer_decay": 0.9, "head": {"kind": "arcface"}, "ema_decay": 0.5},
    ],
)
def test_every_head_learns_and_stands_in_the_description(make_task: MakeTask, tmp_path: Path, changes: Any) -> None:
    task = make_task(backbone="test_convnext", epochs=6, patience=6, batch_size=8, **changes)
    assert _fit(task, tmp_path)["test_like_macro_f1"] >= 0.9
    assert read_description(tmp_path).head == task.parameters.head.record()
    load_model(tmp_path)


def test_given_statistics_take_the_place_of_the_backbones(make_task: MakeTask, tmp_path: Path) -> None:
    _fit(make_task(epochs=1, std=[0.3, 0.3, 0.3]), tmp_path)
    description = read_description(tmp_path)
    assert description.std == (0.3, 0.3, 0.3)
    assert description.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    "sizes",
    [{"image_size": 48}, {"image_size": 96, "progressive_resizing": {"scale": 0.5, "share": 0.4}}],
    ids=["all", "early"],
)
def test_size_that_the_backbone_cannot_take_is_refused_before_any_page_is_read(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: dict[str, Any]
) -> None:
    monkeypatch.delattr(engine, "open_pages")
    with pytest.raises(InputError, match=r"hrnet_w18_small can take, but it cannot take 48 px"):
        _fit(make_task(backbone="hrnet_w18_small", **sizes), tmp_path)


def test_freezing_what_never_learnt_is_refused(make_task: MakeTask) -> None:
    with pytest.raises(ValidationError, match="Expected freeze_epochs only with pretrained weights"):
        make_task(freeze_epochs=1)


def test_another_seed_gives_other_weights(make_task: MakeTask, tmp_path: Path) -> None:
    for seed in (1, 2):
        _fit(make_task(epochs=1, seed=seed), tmp_path / str(seed))
    assert _weights(tmp_path / "1") != _weights(tmp_path / "2")


def test_streamed_pages_give_the_weights_of_resident_ones(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="docsort"):
        _fit(make_task(epochs=2, drop_rate=0.3), tmp_path / "resident")
        monkeypatch.setattr(input_path, "memory_budget", lambda concurrent: 0)
        _fit(make_task(epochs=2, drop_rate=0.3), tmp_path / "streamed")
    assert "streamed from disk" in caplog.text
    assert _weights(tmp_path / "resident") == _weights(tmp_path / "streamed")


@pytest.mark.parametrize(
    "changes",
    [
        {"dihedral": False},
        {"jitter": 0.3},
        {"mixup": 0.4},
        {"epochs": 2, "progressive_resizing": {"scale": 0.5, "share": 0.5}},
        {"ema_decay": 0.9},
        {"clip_norm": 0.01},
        {"accumulate": 2},
        {"label_smoothing": 0.2},
        {"drop_rate": 0.5},
        {"weight_decay": 0.5},
        {"schedule": "constant"},
        {"precision": "bf16"},
        {"optimizer": "sgd"},
        {"curriculum": [{"share": 1, "turns": "flips"}]},
        {"curriculum": [{"share": 1, "degrees": 10}]},
        {"curriculum": [{"share": 1, "learning_rate": 0.5}]},
    ],
)
def test_each_technique_changes_the_training(
    make_task: MakeTask, tmp_path: Path, plain_weights: bytes, changes: Any
) -> None:
    _fit(make_task(**{"epochs": 1, **changes}), tmp_path)
    assert _weights(tmp_path) != plain_weights


@pytest.fixture(scope="module")
def plain_weights(tmp_path_factory: pytest.TempPathFactory, make_task: MakeTask) -> bytes:
    folder = tmp_path_factory.mktemp("plain")
    _fit(make_task(epochs=1), folder)
    return _weights(folder)


def test_stops_when_patience_is_over(make_task: MakeTask, tmp_path: Path) -> None:
    record = _fit(make_task(epochs=30, patience=2), tmp_path)
    assert record["epochs"] == min(30, record["best_epoch"] + 2)


def test_kept_weights_are_those_of_the_best_epoch(make_task: MakeTask, tmp_path: Path) -> None:
    record = _fit(make_task(epochs=12, patience=2, schedule="constant"), tmp_path / "long")
    assert record["best_epoch"] < record["epochs"]
    _fit(make_task(epochs=record["best_epoch"], patience=99, schedule="constant"), tmp_path / "short")
    assert _weights(tmp_path / "long") == _weights(tmp_path / "short")


def test_stages_follow_each_other_with_their_own_learning_rate(make_task: MakeTask, tmp_path: Path) -> None:
    stages = [
        {"share": 0.25, "turns": "none"},
        {"share": 0.5, "turns": "flips", "degrees": 10, "learning_rate": 0.5},
        {"share": 0.25, "elastic": 0.02, "grid": 0.3, "learning_rate": 0.1},
    ]
    _fit(make_task(epochs=4, patience=1, schedule="constant", curriculum=stages), tmp_path)
    rates = pd.read_csv(tmp_path / HISTORY_FILE)["lr"].tolist()
    assert rates == pytest.approx([0.003, 0.0015, 0.0015, 0.0003])  # and no patience was lost before the last stage


def test_settings_that_do_not_go_together_are_refused(make_task: MakeTask) -> None:
    with pytest.raises(ValidationError, match=r"stages to add up to 1, but they add up to 0\.5"):
        make_task(curriculum=[{"share": 0.5}])
    with pytest.raises(ValidationError, match="at least two pages for each of the 9 devices, but got 16"):
        make_task(devices=9)


def test_a_compiled_model_learns_the_same_and_is_stored_as_any_other(make_task: MakeTask, tmp_path: Path) -> None:
    """Traced as for any backend, and run as traced: no C++ compiler is needed for that."""
    compile_net = torch.nn.Module.compile
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Module, "compile", lambda net: compile_net(net, backend="eager"))
        _fit(make_task(epochs=1, backbone="test_resnet", compile=True), tmp_path / "compiled")
    _fit(make_task(epochs=1, backbone="test_resnet"), tmp_path / "plain")
    one, two = (safetensors.torch.load_file(tmp_path / name / WEIGHTS_FILE) for name in ("compiled", "plain"))
    assert one.keys() == two.keys()
    for name, value in two.items():
        torch.testing.assert_close(one[name], value)


def test_local_weights_are_taken_and_reported(
    make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(build_model("lcnet_035", 1000, 32).state_dict(), tmp_path / "given.pth")
    with caplog.at_level(logging.INFO, logger="docsort"):
        _fit(make_task(epochs=1, pretrained=str(tmp_path / "given.pth")), tmp_path / "out")
    origin = read_description(tmp_path / "out").pretrained
    assert origin is not None
    assert origin["file"] == "given.pth"
    assert origin["matched"] == origin["expected"]
    assert "tensors of the backbone from given.pth, a fresh head" in caplog.text


def test_weights_of_another_model_are_refused(make_task: MakeTask, tmp_path: Path) -> None:
    torch.save(build_model("test_resnet", 10, 32).state_dict(), tmp_path / "given.pth")
    with pytest.raises(WeightsError, match="to hold weights of lcnet_035"):
        _fit(make_task(pretrained=str(tmp_path / "given.pth")), tmp_path / "out")


def test_loss_that_is_no_number_ends_the_training_by_name(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task(learning_rate={"scratch": 1e30, "pretrained": 1e-3}, optimizer="sgd")
    with pytest.raises(TrainingError, match=r"a finite loss in epoch 1 of fold_0, but got (nan|inf)"):
        _fit(task, tmp_path)


def test_half_precision_is_refused_on_a_cpu(make_task: MakeTask, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="precision 32 or bf16 on a CPU, but got 16-mixed"):
        _fit(make_task(precision="16-mixed"), tmp_path)


def test_training_warns_of_nothing(
    make_task: MakeTask, tmp_path: Path, recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    _fit(make_task(epochs=1), tmp_path)
    assert [str(warning.message) for warning in recwarn] == []
    assert "lightning" not in "".join(capfd.readouterr()).lower()


def test_model_of_one_size_trains_without_smaller_epochs(
    make_task: MakeTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = make_task(backbone="test_vit", epochs=2, progressive_resizing={"scale": 0.5, "share": 0.5})
    with caplog.at_level(logging.INFO, logger="docsort"):
        assert _fit(task, tmp_path)["epochs"] == 2
    assert "fold_0: test_vit takes one input size, so no epoch is smaller" in caplog.messages
