"""The loss of a training, and the mixing of pages that gives it soft labels. B batch, K classes.

Every loss takes logits (B, K) with labels (B,) or with shares of classes (B, K), and gives a scalar.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from docsort.training.epochs import Mix
from docsort.training.parameters import TrainingParameters

TINY = 1e-12
"""Of a squared sine: a root of less has no slope that could be computed."""


def build_loss(
    parameters: TrainingParameters, counts: Sequence[int], targets: Sequence[int] | None = None
) -> nn.Module:
    """The sum of the terms that the parameters weigh above 0; behind the head arcface, with its margin.

    counts: training pages per class, in the order of the outputs; targets: class numbers, 0 to K - 1 if not given.
    """
    weights = class_weights(parameters, counts, range(len(counts)) if targets is None else targets)
    smoothing, terms = parameters.label_smoothing, parameters.loss
    parts: list[tuple[float, nn.Module]] = [
        (terms.cross_entropy, nn.CrossEntropyLoss(weight=weights, label_smoothing=smoothing)),
        (terms.focal, FocalLoss(parameters.focal_gamma, weights, smoothing)),
        (terms.soft_macro_f1, SoftMacroF1Loss()),
    ]
    wanted = [(share, part) for share, part in parts if share > 0]
    loss = wanted[0][1] if len(wanted) == 1 and wanted[0][0] == 1 else WeightedSum(wanted)
    if parameters.logit_adjustment:
        loss = LogitAdjustment(loss, counts, parameters.logit_adjustment)
    head = parameters.head
    return AngularMargin(loss, head.scale, head.margin) if head.kind == "arcface" else loss


class WeightedSum(nn.Module):
    """Terms times their weights, added up."""

    def __init__(self, terms: Sequence[tuple[float, nn.Module]]) -> None:
        super().__init__()
        self.shares = [share for share, _ in terms]
        self.terms = nn.ModuleList(term for _, term in terms)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        losses = [share * term(logits, labels) for share, term in zip(self.shares, self.terms, strict=True)]
        return torch.stack(losses).sum()


class LogitAdjustment(nn.Module):
    """A loss of logits to which the logarithm of each class's share is added, so that what is left to learn is the
    balanced answer, which macro-F1 asks for; nothing is added when pages are answered.

    Menon et al., "Long-tail learning via logit adjustment" (ICLR 2021), with the strength `tau`; a class without pages
    counts as one.
    """

    shift: Tensor

    def __init__(self, loss: nn.Module, counts: Sequence[int], tau: float) -> None:
        super().__init__()
        self.loss = loss
        pages = torch.tensor(counts, dtype=torch.float32).clamp(min=1)
        self.register_buffer("shift", tau * (pages / pages.sum()).log())

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        loss: Tensor = self.loss(logits + self.shift, labels)
        return loss


class AngularMargin(nn.Module):
    """A loss of logits s cos(t) that sees s cos(t + m) at the page's class, t being the angle to its prototype.

    Deng et al., "ArcFace: additive angular margin loss for deep face recognition" (CVPR 2019). Of a mixed page each
    class gets the margin times its share. Beyond pi the cosine would rise again: from pi - m on it is cos(t) - m sin(m)
    instead, as in the authors' code.
    """

    def __init__(self, loss: nn.Module, scale: float, margin: float) -> None:
        super().__init__()
        self.loss, self.scale, self.margin = loss, scale, margin

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        cosines, margins = logits / self.scale, self.margin * as_shares(labels, logits)
        sines = (1 - cosines**2).clamp(min=TINY).sqrt()
        turned = cosines * margins.cos() - sines * margins.sin()
        safe = torch.where(cosines > -margins.cos(), turned, cosines - margins * margins.sin())
        loss: Tensor = self.loss(self.scale * safe, labels)
        return loss


class FocalLoss(nn.Module):
    """Cross-entropy in which a class counts by (1 - p)^gamma: pages that are right and sure hardly count.

    Lin et al. (2017), in its soft-max form; with gamma 0 it is torch's cross-entropy, weights and smoothing included.
    """

    weight: Tensor | None

    def __init__(self, gamma: float, weight: Tensor | None = None, smoothing: float = 0.0) -> None:
        super().__init__()
        self.gamma, self.smoothing = gamma, smoothing
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        shares = as_shares(labels, logits)
        logs = functional.log_softmax(logits, dim=1)
        smooth = shares * (1 - self.smoothing) + self.smoothing / logits.shape[1]
        losses = -smooth * (1 - logs.exp()) ** self.gamma * logs
        if self.weight is None:
            return losses.sum() / len(logits)
        # torch's mean: by the weights of the pages' classes where labels are hard, by pages where they are soft
        total = (shares @ self.weight).sum() if labels.dim() == 1 else len(logits)
        return (losses * self.weight).sum() / total


class SoftMacroF1Loss(nn.Module):
    """1 - macro-F1 with probabilities in place of counts, over the classes that the batch's labels have: in [0, 1].

    The idea of Bénédict et al., "sigmoidF1: a smooth F1 score surrogate loss for multilabel classification" (TMLR
    2022), for one class a page. Small batches know few pages a class: use it beside cross-entropy, or with large ones.
    """

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        shares, chances = as_shares(labels, logits), logits.softmax(dim=1)
        hits, sizes = (shares * chances).sum(dim=0), shares.sum(dim=0) + chances.sum(dim=0)
        present = shares.sum(dim=0) > 0
        return 1 - (2 * hits[present] / sizes[present]).mean()


def as_shares(labels: Tensor, logits: Tensor) -> Tensor:
    """Labels (B,) or shares (B, K) as shares (B, K)."""
    return functional.one_hot(labels, logits.shape[1]).to(logits.dtype) if labels.dim() == 1 else labels


def class_weights(parameters: TrainingParameters, counts: Sequence[int], targets: Sequence[int]) -> Tensor | None:
    """(K,) in the order of the outputs, or None where all weigh the same."""
    kind = parameters.class_weights
    if kind == "none":
        return None
    if kind == "inverse":
        return inverse_weights(counts)
    if kind == "effective":
        return effective_weights(counts, parameters.effective_beta)
    return torch.tensor([kind.get(int(target), 1.0) for target in targets], dtype=torch.float32)


def inverse_weights(counts: Sequence[int]) -> Tensor:
    """(K,) weights in proportion to 1 / count, their mean over the pages being one; an empty class counts as 1."""
    pages = torch.tensor(counts, dtype=torch.float32).clamp(min=1)
    return _mean_one(1 / pages, pages)


def effective_weights(counts: Sequence[int], beta: float) -> Tensor:
    """(K,) weights in proportion to (1 - beta) / (1 - beta^count), their mean over the pages being one.

    Cui et al., "Class-balanced loss based on effective number of samples" (CVPR 2019): between none (beta 0) and
    inverse (beta to 1).
    """
    pages = torch.tensor(counts, dtype=torch.float64).clamp(min=1)
    return _mean_one((1 - beta) / (1 - beta**pages), pages).to(torch.float32)


def _mean_one(weights: Tensor, pages: Tensor) -> Tensor:
    return weights * pages.sum() / (weights * pages).sum()


def mix_pages(pages: Tensor, labels: Tensor, mix: Mix, classes: int) -> tuple[Tensor, Tensor]:
    """Mixup (Zhang et al. 2018) or cutmix (Yun et al. 2019), as in timm: each page with its mirror place in the batch,
    labels in the shares that each page has.

    pages (B, 3, S, S) float, labels (B,); gives pages and (B, K) shares of classes.
    """
    one_hot = functional.one_hot(labels, classes).to(pages.dtype)
    share = mix.share
    if mix.box is None:
        mixed = pages.lerp(pages.flip(0), 1 - share)
    else:
        side = pages.shape[-1]
        top, bottom, left, right = (round(edge * side) for edge in mix.box)
        mixed = pages.clone()
        mixed[..., top:bottom, left:right] = pages.flip(0)[..., top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / side**2  # of whole pixels
    return mixed, one_hot.lerp(one_hot.flip(0), 1 - share)
