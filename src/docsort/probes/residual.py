"""A slim residual network on frozen features: one hidden layer of PReLU units beside a linear one, trained together.

Legend of shapes: N pages, P components, H hidden units, C classes.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from docsort.models.threads import one_thread
from docsort.probes.parameters import SlimResidualParameters
from docsort.probes.regression import Head, Known, fit_basis

BATCH = 32
WEIGHT_DECAY = 0.01


class SlimResidual(nn.Module):
    """(B, P) to logits (B, C)."""

    def __init__(self, width: int, hidden: int, classes: int, drop_rate: float) -> None:
        super().__init__()
        self.direct = nn.Linear(width, classes)
        self.hidden = nn.Linear(width, hidden)
        self.bend = nn.PReLU(hidden)
        self.drop = nn.Dropout(drop_rate)
        self.out = nn.Linear(hidden, classes, bias=False)
        for layer in (self.direct, self.out):
            nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.direct.bias)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.direct(points) + self.out(self.drop(self.bend(self.hidden(points))))
        return logits


def fit_residual(known: Known, classes: int, parameters: SlimResidualParameters, seed: int) -> Head:
    """Trained for as many epochs as the parameters say, the learning rate falling along a cosine."""
    basis = fit_basis(known.features, seed)
    points = basis(known.features)
    spread = max(float(points.std()), 1e-9)
    inputs, labels = torch.from_numpy((points / spread).astype(np.float32)), torch.from_numpy(known.labels)
    weights = torch.ones(classes)
    if parameters.class_weights == "balanced":
        counts = torch.bincount(labels, minlength=classes).clamp_min(1)
        weights = len(labels) / (classes * counts)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = SlimResidual(inputs.shape[1], parameters.hidden, classes, parameters.drop_rate)
        _train(net, inputs, labels, weights, parameters)
    direct, hidden, out = (layer.weight.detach().double().numpy().T for layer in (net.direct, net.hidden, net.out))
    axes = basis.axes / spread
    bias, shift = (layer.bias.detach().double().numpy() for layer in (net.direct, net.hidden))
    slope = net.bend.weight.detach().double().numpy()
    seen = np.isin(np.arange(classes), known.labels)
    return Head(
        weights=axes @ direct,
        bias=bias - basis.centre @ axes @ direct,
        hidden=axes @ hidden,
        shift=shift - basis.centre @ axes @ hidden,
        slope=slope,
        out=out,
        seen=seen,
    )


def _train(
    net: SlimResidual,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    parameters: SlimResidualParameters,
) -> None:
    steps = parameters.epochs * -(-len(inputs) // BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=parameters.learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(parameters.epochs):
        for rows in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(net(inputs[rows]), labels[rows], weight=weights).backward()
            optimizer.step()
            schedule.step()
    net.eval()
