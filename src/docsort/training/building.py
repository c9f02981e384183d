"""The network of a training before it has learnt anything, and whether there can be one."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from docsort.errors import InputError
from docsort.models.backbones import input_statistics, require_input_size, takes_one_size
from docsort.models.descriptions import ModelDescription
from docsort.models.origin import begin
from docsort.models.weights import LIBRARIES
from docsort.training.optimisation import build_optimizer
from docsort.training.parameters import ProgressiveResizing, TrainingParameters
from docsort.versions import versions_of

logger = logging.getLogger(__name__)


def check_network(parameters: TrainingParameters) -> None:
    """Raises InputError or WeightsError where the network or its optimizer cannot be built; costs a second or two."""
    fitting = for_device(parameters, parameters.device)
    net, _ = build_network(fitting, (0, 1))
    build_optimizer(net, fitting, parameters.device)


def for_device(parameters: TrainingParameters, device: str, name: str | None = None) -> TrainingParameters:
    """The parameters as they can be trained on this device. name: of the training, where it is to be logged."""
    if parameters.precision == "16-mixed" and device == "cpu":
        raise InputError("Expected precision 32 or bf16 on a CPU, but got 16-mixed; change `precision` or `device`.")
    if parameters.early_epochs and takes_one_size(parameters.backbone):
        if name:
            logger.info("%s: %s takes one input size, so no epoch is smaller", name, parameters.backbone)
        return parameters.model_copy(update={"progressive_resizing": ProgressiveResizing()})
    return parameters


def build_network(
    parameters: TrainingParameters, targets: Sequence[int], name: str | None = None
) -> tuple[nn.Module, ModelDescription]:
    """The network, and what is noted of it. name: of the training, where it is to be logged."""
    head = parameters.head.record()
    net, report = begin(
        parameters,
        len(targets),
        head=head,
        drop_rate=parameters.drop_rate,
        drop_path_rate=parameters.drop_path_rate,
    )
    origin: dict[str, Any] | None = {"file": "hub"} if parameters.pretrained is True else None
    if report is not None:
        origin = report.as_record()
        if name:
            logger.info("%s: %s", name, report.sentence())
    if parameters.channels_last:
        net = net.to(memory_format=torch.channels_last)
    for size in {parameters.size_in(0), parameters.image_size}:
        require_input_size(net, parameters.backbone, size)
    own_mean, own_std = input_statistics(net)
    return net, ModelDescription(
        backbone=parameters.backbone,
        targets=tuple(targets),
        image_size=parameters.image_size,
        mean=parameters.mean or own_mean,
        std=parameters.std or own_std,
        drop_rate=parameters.drop_rate,
        head=head,
        pretrained=origin,
        versions=versions_of(LIBRARIES),
    )
