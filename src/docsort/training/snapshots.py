"""The weights of a training's best epochs, on disk from the moment they are known, and those of its last.

Named by epoch, as safetensors: `models.weights.load_model` reads any of them beside the description.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from docsort.errors import WeightsError
from docsort.stores import write_atomically

LAST_FILE = "last.safetensors"
PATTERN = "snapshot_*.safetensors"

Weights = dict[str, Tensor]


class Snapshots:
    """The snapshots of one training, in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, epoch: int) -> Path:
        """Where the weights of an epoch, counted from 1, are kept while they are among the best."""
        return self.folder / f"snapshot_{epoch:04d}.safetensors"

    def save(self, epoch: int, weights: Mapping[str, Tensor]) -> None:
        """Whole or not at all."""
        write_weights(weights, self.path(epoch))

    def load(self, epoch: int) -> Weights:
        """Raises WeightsError where it is not there or cannot be read."""
        try:
            return dict(safetensors.torch.load_file(self.path(epoch)))
        except (OSError, safetensors.SafetensorError) as error:
            raise WeightsError(
                f"Expected the weights of epoch {epoch} at {self.path(epoch)}, but they cannot be read ({error}); "
                f"remove {self.folder} to train from the beginning."
            ) from error

    def mean(self, epochs: Sequence[int]) -> Weights:
        """Their weights averaged, running statistics too; counters are the first one's.

        Izmailov et al., "Averaging weights leads to wider optima and better generalization" (UAI 2018); batch norms
        keep averaged statistics, as in timm's avg_checkpoints.py.
        """
        first, *others = [self.load(epoch) for epoch in epochs]
        weights = dict(first)
        for name, value in first.items():
            if value.is_floating_point():
                stack = torch.stack([value.double(), *(other[name].double() for other in others)])
                weights[name] = stack.mean(dim=0).to(value.dtype)
        return weights

    def keep_only(self, epochs: Collection[int]) -> None:
        """Removes all others."""
        kept = {self.path(epoch) for epoch in epochs}
        for path in self.folder.glob(PATTERN):
            if path not in kept:
                path.unlink()


def write_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """The same weights give the same bytes."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    write_atomically(path, safetensors.torch.save(tensors))
