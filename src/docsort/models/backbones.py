"""Any timm backbone by name, with a head for the classes of the job."""

import difflib
from collections.abc import Mapping
from typing import Any

import timm
import torch
from timm.data import resolve_model_data_config
from timm.models import get_arch_pretrained_cfgs, get_pretrained_cfg
from torch import nn
from torch.func import functional_call

import docsort.models.hybrids  # noqa: F401  makes its names known to timm
from docsort.errors import DocsortError, InputError, WeightsError
from docsort.models.descriptions import LINEAR
from docsort.models.heads import calm, install_head

Statistics = tuple[float, float, float]

ALTERNATIVES = "give a local file with pretrained=<path>, or train from scratch with pretrained=false."


def require_backbone(name: str) -> None:
    """Raises InputError, with the closest names, unless timm has this model (and this tag, where one is given)."""
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = difflib.get_close_matches(architecture, timm.list_models(), n=4, cutoff=0.4)
        hint = f"did you mean {' or '.join(known)}?" if known else "timm.list_models() lists them."
        raise InputError(f"Expected `backbone` to be the name of a timm model, but got {name!r}; {hint}")
    tags = [known.partition(".")[2] for known in get_arch_pretrained_cfgs(architecture)]
    if tag and tag not in tags:
        raise InputError(
            f"Expected the tag of the backbone {architecture} to be one of {', '.join(filter(None, tags)) or 'none'}, "
            f"but got {tag!r}."
        )


def build_model(
    backbone: str,
    num_classes: int,
    image_size: int,
    drop_rate: float = 0.0,
    pretrained: bool = False,
    head: Mapping[str, Any] = LINEAR,
    drop_path_rate: float = 0.0,
) -> nn.Module:
    """The model with a fresh head: (B, 3, image_size, image_size) normalised pixels to (B, num_classes) logits.

    pretrained: take the backbone's weights from the hub; for a local file see `pretrained.load_pretrained`. head: as in
    ModelDescription. Raises InputError for an unknown name, and where the backbone cannot have the size, the head or
    the stochastic depth; WeightsError when the hub's weights cannot be had.
    """
    require_backbone(backbone)
    options: dict[str, Any] = {"num_classes": num_classes, "drop_rate": drop_rate}
    config = get_pretrained_cfg(backbone, allow_unregistered=True)
    if takes_one_size(backbone):
        # Transformers with position embeddings are built for one size; convolutions take any and refuse the option.
        options["img_size"] = image_size
    if drop_path_rate:
        options["drop_path_rate"] = drop_path_rate
    if not pretrained:
        model = _calm_head(_create(backbone, options))
    elif config is None or not config.has_weights:
        raise WeightsError(f"Expected pretrained weights for {backbone}, but there are none on the hub; {ALTERNATIVES}")
    else:
        model = _create_from_hub(backbone, options)
        model = model if num_classes == config.num_classes else _calm_head(model)
    install_head(model, head_prefixes(model), head, num_classes, drop_rate)
    return model


def _create(backbone: str, options: Mapping[str, Any], pretrained: bool = False) -> nn.Module:
    try:
        model: nn.Module = timm.create_model(backbone, pretrained=pretrained, **options)
        deep = "drop_path_rate" not in options or any(type(each).__name__ == "DropPath" for each in model.modules())
    except TypeError as error:
        if "drop_path_rate" not in str(error):
            raise
        deep = False
    except (AssertionError, ArithmeticError, LookupError, RuntimeError, ValueError) as error:
        if pretrained or "img_size" not in options:
            raise
        raise _size_error(backbone, options["img_size"], error) from error
    if not deep:
        raise InputError(
            f"Expected a backbone with stochastic depth for drop_path_rate {options['drop_path_rate']}, but {backbone} "
            "has none; set it to 0 or use another backbone."
        )
    return model


def _create_from_hub(backbone: str, options: Mapping[str, Any]) -> nn.Module:
    try:
        return _create(backbone, options, pretrained=True)
    except DocsortError:
        raise
    except Exception as error:  # the hub's client raises errors of several libraries, which share no base class
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"Expected to download the pretrained weights of {backbone}, but the hub is out of reach or has not got "
            f"them ({reason}); {ALTERNATIVES}"
        ) from error


def takes_one_size(backbone: str) -> bool:
    """Whether the model is built for one input size, as most transformers are."""
    config = get_pretrained_cfg(backbone, allow_unregistered=True)
    return config is not None and bool(config.fixed_input_size)


def require_input_size(model: nn.Module, backbone: str, size: int) -> None:
    """Raises InputError unless the model answers pages of this side; many want a multiple of 32, or one size.

    Tried on torch's meta device, which knows shapes and computes nothing; only a failure there is tried in earnest. A
    side that a backbone takes is tried once in a process, unless each model is built for its own.
    """
    if (backbone, size) in _taken:
        return
    training = model.training
    model.eval()
    shapes = {name: each.to("meta") for name, each in [*model.named_parameters(), *model.named_buffers()]}
    try:
        with torch.no_grad():
            functional_call(model, shapes, (torch.empty(1, 3, size, size, device="meta"),))
    except Exception:  # not every operation is known there
        try:
            with torch.no_grad():
                model(torch.zeros(1, 3, size, size))
        except (AssertionError, ArithmeticError, LookupError, RuntimeError, ValueError) as error:
            raise _size_error(backbone, size, error) from error
    finally:
        model.train(training)
    if not takes_one_size(backbone):
        _taken.add((backbone, size))


_taken: set[tuple[str, int]] = set()


def _size_error(backbone: str, size: int, error: Exception) -> InputError:
    config = get_pretrained_cfg(backbone, allow_unregistered=True)
    made_for = f", and this one was made for {config.input_size[-1]}" if config is not None else ""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return InputError(
        f"Expected pages of a side that {backbone} can take, but it cannot take {size} px ({reason.rstrip('.')}); "
        f"change `image_size` or `progressive_resizing.scale`: most backbones take multiples of 32{made_for}."
    )


def _calm_head(model: nn.Module) -> nn.Module:
    """Draws the classifier anew.

    timm draws the heads of the EfficientNet family by the number of outputs: with 17 classes instead of 1,000 the
    first logits are an order of magnitude too large, and the backbone is thrown about before the head has settled.
    """
    for name in head_prefixes(model):
        calm(model.get_submodule(name))
    return model


def head_prefixes(model: nn.Module) -> tuple[str, ...]:
    """Names of the layers that timm counts as the head, such as ("classifier",) or ("head.fc",)."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


def in_head(name: str, prefixes: tuple[str, ...]) -> bool:
    """Whether a tensor or layer of this name is the head or belongs to it."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def input_statistics(model: nn.Module) -> tuple[Statistics, Statistics]:
    """Mean and standard deviation per RGB channel that the model's own recipe uses, for pixels in [0, 1]."""
    config = resolve_model_data_config(model)
    return tuple(config["mean"]), tuple(config["std"])
