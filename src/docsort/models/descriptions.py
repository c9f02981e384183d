"""The description of a model on disk, readable without torch."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from docsort.errors import WeightsError
from docsort.stores import read_checked

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"

HEADS: dict[str, tuple[str, ...]] = {"linear": (), "mlp": ("hidden",), "arcface": ("scale",)}
"""Kinds of heads, and what each must be known by to be built again."""
LINEAR: dict[str, Any] = {"kind": "linear"}


@dataclass(frozen=True)
class ModelDescription:
    """All that is needed to rebuild a model and feed it; stands as JSON beside the weights.

    targets: class numbers in the order of the model's outputs. image_size: side of the square input in pixels.
    mean, std: per RGB channel, of pixels scaled to [0, 1]. head: its kind, and under the names of HEADS its shape.
    pretrained: where the weights began, None for from scratch. versions: of the libraries that wrote the weights.
    """

    backbone: str
    targets: tuple[int, ...]
    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    drop_rate: float = 0.0
    head: dict[str, Any] = field(default_factory=lambda: dict(LINEAR))
    pretrained: dict[str, Any] | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_description(folder: Path) -> ModelDescription:
    """Reads `model.json` of a model folder.

    Raises StorageError when it is missing or not as it was written, WeightsError when it is not JSON, or has not the
    fields of a description.
    """
    path = folder / DESCRIPTION_FILE
    try:
        values = json.loads(read_checked(path))
        for name in ("targets", "mean", "std"):
            values[name] = tuple(values[name])
        values["head"] = _read_head(values.get("head", LINEAR))
        return ModelDescription(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(
            f"Expected {path} to describe a model, but got something else ({error!r}); train it again."
        ) from error


def _read_head(head: Any) -> dict[str, Any]:
    """Descriptions of before there were other heads have the word "linear" here."""
    record = {"kind": head} if isinstance(head, str) else dict(head)
    missing = [name for name in HEADS[record["kind"]] if name not in record]
    if missing:
        raise ValueError(f"the head {record['kind']} without {missing[0]}")
    return record
