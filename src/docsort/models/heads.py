"""What stands between the pooled features of a backbone and the logits: one layer, several, or cosines.

B batch, D features, K classes. A head is known by a record such as {"kind": "mlp", "hidden": [512, 256]}, which stands
in the description of the model, so that it can be built again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from docsort.errors import InputError
from docsort.models.descriptions import LINEAR

HEAD_STD = 0.01
"""Standard deviation of a fresh head's weights, as torchvision's MobileNets have it."""


class MlpHead(nn.Module):
    """(B, D) features to (B, K) logits over hidden layers, each linear, layer norm, GELU, dropout.

    Layer norm, because batch norm learns nothing from a last batch of one page.
    """

    def __init__(self, features: int, hidden: Sequence[int], classes: int, drop_rate: float = 0.0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(features, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(drop_rate)]
            features = width
        self.hidden = nn.Sequential(*layers)
        self.out = nn.Linear(features, classes)
        calm(self.out)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.out(self.hidden(features))
        return logits


class ArcFaceHead(nn.Module):
    """(B, D) features to (B, K) logits: scale times the cosine to the prototype of each class.

    Deng et al., "ArcFace: additive angular margin loss for deep face recognition" (CVPR 2019). The margin belongs to
    the loss (`training.losses.AngularMargin`), so the answer needs no label. Computed in float32 whatever the precision
    of the training: the margin turns on the last digits of a cosine.
    """

    def __init__(self, features: int, scale: float, classes: int) -> None:
        super().__init__()
        self.scale = scale
        self.prototypes = nn.Parameter(torch.empty(classes, features))
        nn.init.normal_(self.prototypes, std=HEAD_STD)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            directions = functional.normalize(features.float(), dim=-1)
            return self.scale * functional.linear(directions, functional.normalize(self.prototypes, dim=-1))


def install_head(
    model: nn.Module, prefixes: Sequence[str], record: Mapping[str, Any], classes: int, drop_rate: float
) -> None:
    """Puts the head of the record in place of the classifier of a timm model, whose pooling and norms stay.

    prefixes: names of the layers that timm counts as the classifier. Raises InputError unless that is one linear layer,
    or the linear head is wanted, which every model has.
    """
    if record["kind"] == LINEAR["kind"]:
        return
    layers = [model.get_submodule(prefix) for prefix in prefixes]
    if len(layers) != 1 or not isinstance(layers[0], nn.Linear):
        found = " and ".join(
            f"{prefix} ({type(layer).__name__})" for prefix, layer in zip(prefixes, layers, strict=True)
        )
        raise InputError(
            f"Expected one linear classifier for the head {record['kind']} to take the place of, but this backbone has "
            f"{found or 'none that timm names'}; use head.kind linear or another backbone."
        )
    model.set_submodule(prefixes[0], _build_head(record, layers[0].in_features, classes, drop_rate))


def _build_head(record: Mapping[str, Any], features: int, classes: int, drop_rate: float) -> nn.Module:
    if record["kind"] == "mlp":
        return MlpHead(features, record["hidden"], classes, drop_rate)
    return ArcFaceHead(features, record["scale"], classes)


def calm(layer: nn.Module) -> None:
    """Draws a linear layer anew, so that the first answers are near even and the first loss near log(classes)."""
    for parameter in layer.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=HEAD_STD)
        else:
            nn.init.zeros_(parameter)
