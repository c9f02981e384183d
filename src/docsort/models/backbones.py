"""Any timm backbone by name, with a linear head for the classes of the job."""

import difflib
from typing import Any

import timm
from timm.data import resolve_model_data_config
from timm.models import get_arch_pretrained_cfgs, get_pretrained_cfg
from torch import nn

from docsort.errors import InputError, WeightsError

Statistics = tuple[float, float, float]

ALTERNATIVES = "give a local file with pretrained=<path>, or train from scratch with pretrained=false."
HEAD_STD = 0.01
"""Standard deviation of a fresh head's weights, as torchvision's MobileNets have it."""


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
    backbone: str, num_classes: int, image_size: int, drop_rate: float = 0.0, pretrained: bool = False
) -> nn.Module:
    """The model with a fresh head: (B, 3, image_size, image_size) normalised pixels to (B, num_classes) logits.

    pretrained: take the backbone's weights from the hub; for a local file see `pretrained.load_pretrained`.
    Raises InputError for an unknown name, WeightsError when the hub's weights cannot be had.
    """
    require_backbone(backbone)
    options: dict[str, Any] = {"num_classes": num_classes, "drop_rate": drop_rate}
    config = get_pretrained_cfg(backbone, allow_unregistered=True)
    if takes_one_size(backbone):
        # Transformers with position embeddings are built for one size; convolutions take any and refuse the option.
        options["img_size"] = image_size
    if not pretrained:
        return _with_calm_head(timm.create_model(backbone, pretrained=False, **options))
    if config is None or not config.has_weights:
        raise WeightsError(f"Expected pretrained weights for {backbone}, but there are none on the hub; {ALTERNATIVES}")
    try:
        model = timm.create_model(backbone, pretrained=True, **options)
    except Exception as error:  # the hub's client raises errors of several libraries, which share no base class
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsError(
            f"Expected to download the pretrained weights of {backbone}, but the hub is out of reach or has not got "
            f"them ({reason}); {ALTERNATIVES}"
        ) from error
    return model if num_classes == config.num_classes else _with_calm_head(model)


def takes_one_size(backbone: str) -> bool:
    """Whether the model is built for one input size, as most transformers are."""
    config = get_pretrained_cfg(backbone, allow_unregistered=True)
    return config is not None and bool(config.fixed_input_size)


def _with_calm_head(model: nn.Module) -> nn.Module:
    """Draws the head anew, so that the first answers are near even and the first loss near log(classes).

    timm draws the heads of the EfficientNet family by the number of outputs: with 17 classes instead of 1,000 the
    first logits are an order of magnitude too large, and the backbone is thrown about before the head has settled.
    """
    for name in head_prefixes(model):
        for parameter in model.get_submodule(name).parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=HEAD_STD)
            else:
                nn.init.zeros_(parameter)
    return model


def head_prefixes(model: nn.Module) -> tuple[str, ...]:
    """Names of the layers that timm counts as the head, such as ("classifier",) or ("head.fc",)."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


def input_statistics(model: nn.Module) -> tuple[Statistics, Statistics]:
    """Mean and standard deviation per RGB channel that the model's own recipe uses, for pixels in [0, 1]."""
    config = resolve_model_data_config(model)
    return tuple(config["mean"]), tuple(config["std"])
