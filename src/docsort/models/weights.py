"""A trained model on disk: safetensors with a JSON beside it, so nothing executable is ever loaded."""

from pathlib import Path

import safetensors
import safetensors.torch
from torch import nn

from docsort.errors import WeightsError, listing
from docsort.files import write_atomically
from docsort.models.backbones import build_model
from docsort.models.descriptions import DESCRIPTION_FILE, WEIGHTS_FILE, ModelDescription, read_description
from docsort.stores import read_checked

LIBRARIES = ("torch", "timm", "safetensors")
"""Whose versions a reader of the weights may need to know."""


def save_model(model: nn.Module, description: ModelDescription, folder: Path) -> None:
    """Writes `model.safetensors` and `model.json`; the same weights give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    write_atomically(folder / WEIGHTS_FILE, safetensors.torch.save(tensors))
    write_atomically(folder / DESCRIPTION_FILE, description.to_json().encode())


def load_model(folder: Path) -> tuple[nn.Module, ModelDescription]:
    """The model of a folder, on the CPU and ready to predict, with its description.

    Raises StorageError when a file is missing or not as it was written, WeightsError when the weights are not those
    that the JSON describes.
    """
    description = read_description(folder)
    classes = len(description.targets)
    model = build_model(
        description.backbone, classes, description.image_size, description.drop_rate, head=description.head
    )
    path = folder / WEIGHTS_FILE
    try:
        tensors = safetensors.torch.load(read_checked(path))
    except safetensors.SafetensorError as error:
        raise WeightsError(
            f"Expected model weights at {path}, but they cannot be read ({error}); remove {folder} and train again."
        ) from error
    own = model.state_dict()
    wrong = sorted(set(own) ^ set(tensors))
    wrong += [name for name in own if name in tensors and own[name].shape != tensors[name].shape]
    if wrong:
        raise WeightsError(
            f"Expected {path} to fit its description ({description.backbone} with {classes} classes), but "
            f"{len(wrong)} tensors differ: {listing(wrong, limit=3)}; the two files are not of one model."
        )
    model.load_state_dict(tensors)
    return model.eval(), description
