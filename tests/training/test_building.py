"""Whether there can be a network is known before any data."""

from collections.abc import Callable

import pytest
import torch

from docsort.errors import DocsortError
from docsort.models.backbones import build_model
from docsort.training.building import build_network, check_network
from docsort.training.kind import NetworkKind, NetworkTask
from docsort.training.parameters import ProgressiveResizing

MakeTask = Callable[..., NetworkTask]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "lcnet_53"}, "the name of a timm model, but got 'lcnet_53'; did you mean lcnet_"),
        ({"optimizer": "adamx"}, "`optimizer` to be one of timm's, but got 'adamx'"),
        ({"pretrained": "/nowhere/w.pth"}, "but there is no file '/nowhere/w.pth'"),
        ({"backbone": "test_vit", "image_size": 40}, "cannot take 40 px .*; change `image_size`"),
        ({"precision": "16-mixed", "device": "cpu"}, "precision 32 or bf16 on a CPU"),
    ],
)
def test_a_network_that_cannot_be_is_refused_without_any_data(
    make_task: MakeTask, changes: dict[str, object], message: str
) -> None:
    parameters = make_task().parameters
    check_network(parameters)
    with pytest.raises(DocsortError, match=message):
        check_network(parameters.model_copy(update=changes))


def test_a_device_that_is_not_there_is_refused(make_task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    monkeypatch.setattr("docsort.training.kind.run", lambda function, parameters: checked.append(parameters))
    parameters = make_task().parameters
    NetworkKind().check(parameters)
    assert checked == [parameters]
    if not torch.cuda.is_available():
        with pytest.raises(DocsortError, match="cuda"):
            NetworkKind().check(parameters.model_copy(update={"device": "cuda"}))


def test_a_backbone_of_one_size_has_no_smaller_epochs(make_task: MakeTask) -> None:
    smaller = ProgressiveResizing(scale=0.5, share=0.9)
    check_network(make_task(backbone="test_vit", image_size=160, epochs=2, progressive_resizing=smaller).parameters)


def test_the_weights_are_those_that_the_backbone_is_built_with(make_task: MakeTask) -> None:
    task = make_task()
    torch.manual_seed(3)
    built, description = build_network(task.parameters, task.targets)
    torch.manual_seed(3)
    plain = build_model(task.parameters.backbone, len(task.targets), task.parameters.image_size)
    assert description.targets == task.targets
    assert all(torch.equal(one, other) for one, other in zip(built.parameters(), plain.parameters(), strict=True))
