"""The loss of a recipe, and the mixing of pages that gives it soft labels. B batch, K classes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from docsort.training.parameters import TrainingParameters


def build_loss(parameters: TrainingParameters, counts: Sequence[int]) -> nn.Module:
    """Cross-entropy of logits (B, K) with labels (B,) or with shares of classes (B, K).

    counts: training pages a class, in the order of the outputs.
    """
    weight = inverse_weights(counts) if parameters.class_weights == "inverse" else None
    return nn.CrossEntropyLoss(weight=weight, label_smoothing=parameters.label_smoothing)


def inverse_weights(counts: Sequence[int]) -> Tensor:
    """(K,) weights in proportion to 1 / count, their mean over the pages being one; an empty class counts as 1."""
    pages = torch.tensor(counts, dtype=torch.float32).clamp(min=1)
    weights = 1 / pages
    return weights * pages.sum() / (weights * pages).sum()


def mix_pages(pages: Tensor, labels: Tensor, share: float, classes: int) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018, as in timm): each page over its mirror place in the batch, labels in the same shares.

    pages (B, 3, S, S) float, labels (B,); gives pages and (B, K) shares of classes. share: of the page itself.
    """
    one_hot = functional.one_hot(labels, classes).to(pages.dtype)
    return pages.lerp(pages.flip(0), 1 - share), one_hot.lerp(one_hot.flip(0), 1 - share)
