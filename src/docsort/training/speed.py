"""How fast a network learns on a device: a few steps on blank pages, inside a worker process."""

import time

import torch
from torch.nn import functional

from docsort.models.threads import one_thread
from docsort.training.building import build_network, for_device
from docsort.training.optimisation import build_optimizer
from docsort.training.parameters import TrainingParameters

WARM_UP, STEPS = 2, 6


def learn_a_little(parameters: TrainingParameters, device: str) -> float:
    """Pages a second, forward and backward; reading pages is not counted."""
    fitting = for_device(parameters, device).model_copy(update={"epochs": max(1, parameters.epochs)})
    with one_thread():
        net, _ = build_network(fitting, (0, 1))
        net = net.to(device).train()
        optimizer = build_optimizer(net, fitting, device)
        batch, side = fitting.batch_size, fitting.image_size
        pages = torch.zeros(batch, 3, side, side, device=device).to(memory_format=torch.channels_last)
        labels = torch.arange(batch, device=device) % 2
        for number in range(WARM_UP + STEPS):
            if number == WARM_UP:
                started = _now(device)
            optimizer.zero_grad()
            functional.cross_entropy(net(pages), labels).backward()
            optimizer.step()
        return batch * STEPS / (_now(device) - started)


def _now(device: str) -> float:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()
