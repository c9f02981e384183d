"""Starting from a weights file: what fits is taken, what does not is reported.

Nothing executable is ever loaded: safetensors, or a torch file read with `weights_only`.
"""

import hashlib
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from docsort.errors import WeightsError, listing
from docsort.models.backbones import head_prefixes, in_head

NESTS = ("state_dict_ema", "model_ema", "state_dict", "model", "module")
"""Keys under which training scripts keep the weights, the averaged ones first."""
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.")
"""Put before every name by DataParallel, torch.compile and Lightning modules."""
COUNTERS = "num_batches_tracked"
"""Batch-norm's step counters: loaded where they are, but no evidence that a file belongs to a model."""


@dataclass(frozen=True)
class WeightsReport:
    """What a weights file gave to a model.

    matched: tensors of the backbone that the file filled, of `expected`. left_as_built: tensors of the backbone that
    stay random. other_shape: tensors of the model that the file has in another shape. unused: tensors of the file
    that the model has no place for. head_matched: whether the head came from the file too.
    """

    file: str
    sha256: str
    matched: int
    expected: int
    head_matched: bool
    left_as_built: tuple[str, ...]
    other_shape: tuple[str, ...]
    unused: tuple[str, ...]

    def sentence(self) -> str:
        """For the log."""
        head = "its head too" if self.head_matched else "a fresh head"
        text = f"{self.matched} of {self.expected} tensors of the backbone from {self.file}, {head}"
        for what, names in (
            ("left as built", self.left_as_built),
            ("of another shape", self.other_shape),
            ("not used", self.unused),
        ):
            text += f"; {len(names)} {what}: {listing(names, limit=3)}" if names else ""
        return text

    def as_record(self) -> dict[str, Any]:
        """For the model's description; long lists of names are cut at ten."""
        record = asdict(self)
        for name in ("left_as_built", "other_shape", "unused"):
            record[f"{name}_count"] = len(record[name])
            record[name] = list(record[name][:10])
        return record


def load_pretrained(model: nn.Module, path: Path, by_order: bool = False) -> WeightsReport:
    """Fills the model with every tensor of the file that has its name and shape.

    by_order: the file's tensors have other names, and are the model's in the same order; see `models.packaged`. A head
    of other classes is expected and stays fresh. Raises WeightsError when the file cannot be read, or fits less than
    half of the backbone: then it belongs to another model; and where what fits is no number.
    """
    tensors, own = read_tensors(path), model.state_dict()
    found = _paired(tensors, model, path) if by_order else _plain_names(tensors, model)
    fitting = {name: tensor for name, tensor in found.items() if name in own and tensor.shape == own[name].shape}
    heads = head_prefixes(model)
    backbone = [name for name in own if not in_head(name, heads) and not name.endswith(COUNTERS)]
    matched = [name for name in backbone if name in fitting]
    head = [name for name in own if in_head(name, heads)]
    report = WeightsReport(
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        matched=len(matched),
        expected=len(backbone),
        head_matched=bool(head) and all(name in fitting for name in head),
        left_as_built=tuple(name for name in backbone if name not in fitting),
        other_shape=tuple(name for name in found if name in own and name not in fitting),
        unused=tuple(name for name in found if name not in own),
    )
    if 2 * len(matched) < len(backbone):
        architecture = getattr(model, "pretrained_cfg", {}).get("architecture", "the model")
        raise WeightsError(
            f"Expected {path} to hold weights of {architecture}, but only {len(matched)} of its backbone's "
            f"{len(backbone)} tensors are there in the right shape; name the backbone that the file was made for, or "
            "use another file."
        )
    broken = [name for name, tensor in fitting.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise WeightsError(
            f"Expected numbers in all tensors of {path}, but {len(broken)} hold infinity or what is no number: "
            f"{listing(broken, limit=3)}; the file is of a training that went wrong, use another."
        )
    model.load_state_dict(fitting, strict=False)
    return report


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a safetensors or torch file, on the CPU.

    Raises WeightsError when the file is missing, is no weights file, or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise WeightsError(f"Expected a weights file at {path}, but there is none; check `pretrained`.")
    content: Any
    try:
        content = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as not_safetensors:
        if path.suffix == ".safetensors":
            raise WeightsError(
                f"Expected {path} to be a safetensors file, but it is not ({not_safetensors})."
            ) from None
        content = _read_torch_file(path)
    seen: list[Any] = []
    while isinstance(content, dict) and (nest := next((key for key in NESTS if _is_nest(content, key)), None)):
        seen.append(content)
        content = content[nest]
        if any(content is each for each in seen):
            raise WeightsError(f"Expected {path} to hold named tensors, but it holds a group that holds itself.")
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, dict) else {}
    if not tensors:
        raise WeightsError(f"Expected {path} to hold named tensors, but got {type(content).__name__} without any.")
    return tensors


def _read_torch_file(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"Expected {path} to hold nothing but tensors, but it holds Python objects or is no weights file; it "
            "was not loaded, because such a file can run any code. Save its state_dict as safetensors."
        ) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise WeightsError(f"Expected {path} to be a weights file, but it cannot be read ({error}).") from error


def _is_nest(content: dict[Any, Any], key: str) -> bool:
    return isinstance(content.get(key), dict)


def _paired(tensors: dict[str, Tensor], model: nn.Module, path: Path) -> dict[str, Tensor]:
    """The tensors by the model's names, paired in their order. Raises WeightsError unless each pair is of one kind, and
    of one shape where it is not of the head.
    """
    own, heads = model.state_dict(), head_prefixes(model)
    counted = [{name: each for name, each in part.items() if not name.endswith(COUNTERS)} for part in (own, tensors)]
    pairs = list(zip(*(part.items() for part in counted), strict=False))
    unlike = [
        name
        for (name, mine), (other, tensor) in pairs
        if name.rpartition(".")[2] != other.rpartition(".")[2]
        or (mine.shape != tensor.shape and not in_head(name, heads))
    ]
    if unlike or len(counted[0]) != len(counted[1]):
        raise WeightsError(
            f"Expected {path} to hold the {len(counted[0])} tensors of the model in their order, but it holds "
            f"{len(counted[1])}, and {listing(unlike, limit=3) or 'none'} are of another kind or shape; install the "
            "package again, or give the path of a weights file."
        )
    return {name: tensor for (name, _), (_, tensor) in pairs}


def _plain_names(tensors: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Strips prefixes that all names share, as long as no name is one of the model's own."""
    own = model.state_dict().keys()
    while not any(name in own for name in tensors):
        shared = [prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in tensors)]
        if not shared:
            break
        tensors = {name.removeprefix(shared[0]): tensor for name, tensor in tensors.items()}
    return tensors
