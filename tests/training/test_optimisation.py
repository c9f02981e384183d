import math

import pytest
import torch

from docsort.errors import InputError
from docsort.training.optimisation import build_optimizer, build_schedule
from docsort.training.parameters import TrainingParameters

RECIPE = TrainingParameters.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 4,
        "patience": 3,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.1, "pretrained": 0.001},
        "warmup_epochs": 1,
    }
)
STEPS = 10


def _rates(scores: list[float] | None = None, **changes: object) -> list[float]:
    """The learning rate of each optimizer step."""
    recipe = RECIPE.model_copy(update=changes)
    optimizer = build_optimizer(torch.nn.Linear(2, 2), recipe, "cpu")
    schedule = build_schedule(optimizer, recipe, STEPS)
    rates = []
    for step in range(recipe.epochs * STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_step(step + 1)
        if scores and (step + 1) % STEPS == 0:
            schedule.after_epoch(scores[step // STEPS])
    return [*rates, optimizer.param_groups[0]["lr"]]


def test_rate_rises_linearly_then_falls_as_a_cosine() -> None:
    rates = _rates()
    assert rates[0] == pytest.approx(0.001)
    assert rates[5] == pytest.approx((0.001 + 0.1) / 2)
    cosine = [0.001 + 0.5 * 0.099 * (1 + math.cos(math.pi * step / 40)) for step in range(10, 40)]
    assert rates[10:40] == pytest.approx(cosine)
    assert rates[40] == pytest.approx(0.001)


def test_constant_rate_stays_where_the_warmup_left_it() -> None:
    assert _rates(schedule="constant")[10:] == pytest.approx([0.1] * 31)


def test_steps_fall_by_their_factor() -> None:
    rates = _rates(schedule="step", step_epochs=1.5, step_factor=0.5, warmup_epochs=0)
    assert rates[:15] == pytest.approx([0.1] * 15)
    assert rates[15:30] == pytest.approx([0.05] * 15)
    assert rates[30:40] == pytest.approx([0.025] * 10)


def test_restarts_begin_each_cycle_at_the_top() -> None:
    rates = _rates(schedule="restarts", cycles=2, warmup_epochs=0)
    assert rates[0] == rates[20] == pytest.approx(0.1)
    assert rates[1:19] == sorted(rates[1:19], reverse=True)
    assert rates[19] < 0.01
    assert rates[1:20] == pytest.approx(rates[21:40])


def test_one_cycle_rises_once_and_falls_once() -> None:
    rates = _rates(schedule="one_cycle")
    top = rates.index(max(rates))
    assert rates[0] == pytest.approx(0.001)
    assert rates[top] == pytest.approx(0.1, rel=0.02)
    assert top in (9, 10)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.1 * 0.01, rel=0.05)


def test_a_plateau_falls_where_the_score_does_not_rise() -> None:
    changes = {"schedule": "plateau", "plateau_patience": 0, "step_factor": 0.5, "warmup_epochs": 1}
    rates = _rates([0.3, 0.4, 0.4, 0.5], **changes)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:30] == pytest.approx([0.1] * 20)
    assert rates[30:40] == pytest.approx([0.05] * 10)
    assert rates[40] == pytest.approx(0.05)


@pytest.mark.parametrize("name", ["sgd", "adamw", "lamb", "lion"])
def test_timm_optimizers_lower_a_loss(name: str) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimizer = build_optimizer(model, RECIPE.model_copy(update={"optimizer": name, "warmup_epochs": 0}), "cpu")
    pages, losses = torch.randn(32, 4), []
    for _ in range(10):
        optimizer.zero_grad()
        loss = (model(pages) - pages.sum(1, keepdim=True)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_biases_and_norms_do_not_decay() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    groups = build_optimizer(model, RECIPE, "cpu").param_groups
    assert {(group["weight_decay"], len(group["params"])) for group in groups} == {(0.0, 3), (0.01, 1)}


def test_unknown_optimizer_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"one of timm's, but got 'adamx'; did you mean .*adam"):
        build_optimizer(torch.nn.Linear(2, 2), RECIPE.model_copy(update={"optimizer": "adamx"}), "cpu")


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "plateau"])
def test_layers_further_from_the_head_learn_slower(schedule: str) -> None:
    import timm

    model = timm.create_model("test_vit", num_classes=3)
    recipe = RECIPE.model_copy(update={"layer_decay": 0.5, "warmup_epochs": 1, "schedule": schedule})
    optimizer = build_optimizer(model, recipe, "cpu")
    schedule_of = build_schedule(optimizer, recipe, STEPS)
    for step in range(STEPS):
        optimizer.step()
        schedule_of.after_step(step + 1)
    rate_of = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    names = ("head.weight", "blocks.0.mlp.fc1.weight", "cls_token")
    head, first, stem = (rate_of[id(model.get_parameter(name))] for name in names)
    assert head == pytest.approx(0.1, rel=0.2)
    assert stem == pytest.approx(first / 2)
    assert first < head / 2
