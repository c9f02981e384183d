"""A frozen network that is read at several depths, inside a worker process.

Legend of shapes: B pages, S side of a square, D features.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from docsort.chunks import chunks, filled
from docsort.images.dihedral import TURNS
from docsort.models.activations import batch_features, last_layer
from docsort.models.backbones import head_prefixes, input_statistics
from docsort.models.descriptions import ModelDescription
from docsort.models.folding import fold_normalisation
from docsort.models.onnx_files import Session
from docsort.models.origin import BackboneParameters, begin
from docsort.models.pixels import Normaliser
from docsort.models.threads import one_thread
from docsort.models.turns import apply_turns
from docsort.models.weights import LIBRARIES, load_model
from docsort.versions import versions_of

PAGES = {"cpu": 2, "cuda": 32}
"""Pages of one forward pass, each in eight turns; the last batch is filled up, for an answer must not depend on which
other pages are asked about beside it."""

LARGEST = 60_000.0
"""Near the largest that float16 can hold; features beyond are cut."""


class FeatureReader:
    """The features of pages by one network."""

    def __init__(self, net: nn.Module, description: ModelDescription, device: str) -> None:
        with one_thread():
            folded = fold_normalisation(net.eval(), description.image_size)
        self.net = folded.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.layer = last_layer(self.net, description.backbone)
        self.normaliser = Normaliser(description.mean, description.std, device)
        self.device, self.side = device, description.image_size
        self.batch = PAGES.get(device.partition(":")[0], PAGES["cpu"])

    @property
    def width(self) -> int:
        """D."""
        return int(self.read(np.zeros((1, self.side, self.side, 3), dtype=np.uint8)).shape[1])

    def read(self, squares: NDArray[np.uint8]) -> NDArray[np.float16]:
        """(B, D) of squares (B, S, S, 3) RGB, the mean over their eight turns."""
        with one_thread():
            return np.concatenate([self._read(part) for part in chunks(squares, self.batch)])

    def _read(self, squares: NDArray[np.uint8]) -> NDArray[np.float16]:
        pages = (
            torch.from_numpy(filled(squares, self.batch))
            .permute(0, 3, 1, 2)
            .to(self.device)
            .repeat_interleave(len(TURNS), dim=0)
        )
        turns = torch.arange(len(TURNS), device=self.device).repeat(self.batch)
        blocks = batch_features(self.net, self.layer, self.normaliser(apply_turns(pages, turns)))
        features = np.concatenate(blocks, axis=1).reshape(self.batch, len(TURNS), -1).mean(axis=1)
        return np.asarray(features[: len(squares)].clip(-LARGEST, LARGEST), dtype=np.float16)


class GraphReader:
    """The features that a probe's ONNX file reads; see `FeatureReader`."""

    def __init__(self, graph: Path) -> None:
        self._session = Session(graph)

    def read(self, squares: NDArray[np.uint8]) -> NDArray[np.float16]:
        """(B, D) of squares (B, S, S, 3) RGB."""
        batch = PAGES["cpu"]
        parts = [self._session(pages=filled(part, batch))["features_0"][: len(part)] for part in chunks(squares, batch)]
        return np.concatenate(parts).clip(-LARGEST, LARGEST).astype(np.float16)


@lru_cache(maxsize=2)
def first_reader(parameters: BackboneParameters, device: str) -> FeatureReader:
    """Of the weights that the parameters name. Raises InputError or WeightsError where they cannot be had."""
    net, description = frozen_network(parameters, (0, 1))
    return FeatureReader(net, description, device)


@lru_cache(maxsize=2)
def kept_reader(folder: Path, device: str) -> FeatureReader:
    """Of the network in a member's folder."""
    return FeatureReader(*load_model(folder), device)


def frozen_network(parameters: BackboneParameters, targets: tuple[int, ...]) -> tuple[nn.Module, ModelDescription]:
    """The network as it is when nothing has been learnt, with a head of zeros that nobody asks."""
    net, report = begin(parameters, len(targets))
    for name in head_prefixes(net):
        for tensor in net.get_submodule(name).parameters():
            nn.init.zeros_(tensor)
    mean, std = input_statistics(net)
    origin = {"file": "hub"} if report is None else report.as_record()
    return net, ModelDescription(
        backbone=parameters.backbone,
        targets=targets,
        image_size=parameters.image_size,
        mean=parameters.mean or mean,
        std=parameters.std or std,
        pretrained=origin,
        versions=versions_of(LIBRARIES),
    )
