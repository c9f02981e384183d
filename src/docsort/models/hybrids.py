"""EfficientNets whose last stages are Swin blocks, under names such as `efficientnet_b0_swin`.

The convolutions of timm's EfficientNet go down to a sixteenth of the page and keep their names, so weights of the plain
EfficientNet fill them, from the hub or from a file; the Swin blocks begin anew. Importing this module makes the names
known to timm. B batch; H, W and C of a feature map.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import timm
from timm.layers import ClassifierHead
from timm.models import build_model_with_cfg, generate_default_cfgs, get_arch_pretrained_cfgs, register_model
from torch import Tensor, nn

from docsort.models.windows import WindowStage

WIDTHS = {
    "efficientnet_b0": 192,
    "efficientnet_b3": 256,
    "efficientnet_b5": 320,
    "tf_efficientnet_b0": 192,
    "tf_efficientnet_b3": 256,
    "tf_efficientnet_b5": 320,
    "tf_efficientnet_b7": 384,
}
"""Encoders and the channels of the first Swin stage after them; the second has twice as many."""
DEPTHS = (4, 2)
"""Swin blocks at a sixteenth and at a thirty-second of the page; every second one looks through shifted windows."""
REDUCTION = 16


class EfficientNetSwin(nn.Module):
    """(B, 3, S, S) pages of any side S to (B, num_classes) logits, with what timm asks of its models.

    drop_path_rate: of the last Swin block; the encoder's blocks rise to half of it, the Swin blocks go on from there.
    """

    def __init__(
        self,
        encoder: str,
        num_classes: int = 1000,
        in_chans: int = 3,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        global_pool: str = "avg",
    ) -> None:
        super().__init__()
        half, width, blocks = drop_path_rate / 2, WIDTHS[encoder], sum(DEPTHS)
        net: Any = timm.create_model(encoder, in_chans=in_chans, num_classes=0, drop_path_rate=half)
        end = next(info for info in net.feature_info if info["reduction"] == REDUCTION)
        self.conv_stem, self.bn1, self.blocks = net.conv_stem, net.bn1, net.blocks[: end["stage"]]
        self.embed = nn.Conv2d(end["num_chs"], width, 1)
        self.embed_norm = nn.LayerNorm(width)
        drop_paths = [half + half * number / (blocks - 1) for number in range(blocks)]
        first = WindowStage(width, DEPTHS[0], False, drop_paths[: DEPTHS[0]])
        second = WindowStage(2 * width, DEPTHS[1], True, drop_paths[DEPTHS[0] :])
        self.stages = nn.Sequential(first, second)
        self.norm = nn.LayerNorm(2 * width)
        self.num_classes, self.num_features, self.head_hidden_size = num_classes, 2 * width, 2 * width
        self.head = ClassifierHead(2 * width, num_classes, global_pool, drop_rate, input_fmt="NHWC")
        for layer in self.stages.modules():
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, H, W, C), a thirty-second of the page."""
        x = self.embed(self.blocks(self.bn1(self.conv_stem(x))))
        out: Tensor = self.norm(self.stages(self.embed_norm(x.permute(0, 2, 3, 1))))
        return out

    def forward_intermediates(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """What `forward_features` gives, and the map (B, C, H, W) after each stage on the way."""
        maps, x = [], self.bn1(self.conv_stem(x))
        for stage in self.blocks:
            x = stage(x)
            maps.append(x)
        x = self.embed_norm(self.embed(x).permute(0, 2, 3, 1))
        for stage in self.stages:
            x = stage(x)
            maps.append(x.permute(0, 3, 1, 2))
        return self.norm(x), maps

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        out: Tensor = self.head(x, pre_logits=pre_logits)
        return out

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Module:
        layer: nn.Module = self.head.fc
        return layer

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        self.num_classes = num_classes
        self.head.reset(num_classes, global_pool)

    def no_weight_decay(self) -> set[str]:
        return {name for name, _ in self.named_parameters() if "relative_position_bias_table" in name}

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:
        """Layers from the stem to the last block, for layer-wise learning rates."""
        if coarse:
            inner: list[tuple[str, Any]] = [(r"^stages\.(\d+)", None)]
        else:
            inner = [(r"^stages\.(\d+)\.downsample", (0,)), (r"^stages\.(\d+)\.blocks\.(\d+)", None)]
        return {
            "stem": r"^conv_stem|^bn1",
            "blocks": [(r"^blocks\.(\d+)" if coarse else r"^blocks\.(\d+)\.(\d+)", None)],
            "embed": r"^embed",
            "stages": [*inner, (r"^norm", (99999,))],
        }


def keep_encoder(tensors: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Of the weights of a plain EfficientNet those that the hybrid has a place for."""
    own = model.state_dict()
    return {name: tensor for name, tensor in tensors.items() if name in own}


def _register(encoder: str) -> None:
    def build(pretrained: bool = False, **options: Any) -> nn.Module:
        model: nn.Module = build_model_with_cfg(
            EfficientNetSwin,
            f"{encoder}_swin",
            pretrained,
            pretrained_filter_fn=keep_encoder,
            pretrained_strict=False,
            encoder=encoder,
            **options,
        )
        return model

    build.__name__ = f"{encoder}_swin"
    register_model(build)


# The weights of the hub are the encoder's own, under its own tags.
default_cfgs = generate_default_cfgs(
    {
        name.replace(encoder, f"{encoder}_swin", 1): replace(config, classifier="head.fc", pool_size=None)
        for encoder in WIDTHS
        for name, config in get_arch_pretrained_cfgs(encoder).items()
    }
)
for _encoder in WIDTHS:
    _register(_encoder)
