"""Which backbone a member is built on, and where its weights begin."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo

from docsort.errors import WeightsError
from docsort.members.member import MemberParameters
from docsort.models.packaged import PACKAGED, has_package, packaged_weights
from docsort.parameters import PathText
from docsort.stores import checked_digest
from docsort.work.executor import Needs

if TYPE_CHECKING:
    from torch import nn

    from docsort.models.pretrained import WeightsReport

Share = Annotated[float, Field(ge=0, le=1)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]


AUTO = "auto"
"""What `pretrained` says for: from the package of the backbone where there is one, else from scratch."""


def _read_pretrained(value: Any, info: ValidationInfo) -> Any:
    """The command line gives text: "true" and "false" are meant as such, all else is a path, package or auto."""
    words = {"true": True, "false": False, AUTO: PACKAGED if has_package(str(info.data.get("backbone"))) else False}
    return words.get(value.strip().lower(), value.strip()) if isinstance(value, str) else value


class BackboneParameters(MemberParameters):
    """A timm backbone and what it is fed."""

    backbone: str = Field(min_length=1, description="a timm name, with or without its tag")
    pretrained: Annotated[bool | PathText, BeforeValidator(_read_pretrained)] = Field(
        description="true: weights from the hub; package: from a Python package, see models.packaged; false: from "
        "scratch; auto: package where the backbone has one, else false; or the path of a weights file"
    )
    image_size: int = Field(ge=16, le=2048, description="side of the square input, pixels")
    mean: tuple[Share, Share, Share] | None = Field(
        default=None, description="per RGB channel, of pixels in [0, 1]; null: the backbone's own"
    )
    std: tuple[PositiveShare, PositiveShare, PositiveShare] | None = Field(default=None, description="as `mean`")
    device: str = Field(
        default="auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="auto, cpu, mps, cuda, or one GPU by its number such as cuda:0",
    )

    @property
    def side(self) -> int:
        return self.image_size

    def deciding(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"enabled", "ask_share", "device"})

    def device_needs(self) -> Needs:
        return Needs(device=self.device)

    def weights_file(self) -> Path | None:
        """The file that the weights begin with; None where they come from the hub or from nowhere.

        Raises WeightsError where there is none.
        """
        if not isinstance(self.pretrained, str):
            return None
        path = packaged_weights(self.backbone) if self.pretrained == PACKAGED else Path(self.pretrained)
        if not path.is_file():
            raise WeightsError(
                f"Expected `pretrained` to be true, false, {PACKAGED} or the path of a weights file, but there is no "
                f"file {self.pretrained!r}."
            )
        return path

    def by_content(self) -> dict[str, Any]:
        """`deciding`, with a weights file by what is in it: its path decides nothing."""
        file = self.weights_file()
        return self.deciding() | ({} if file is None else {"pretrained": checked_digest(str(file))})


def begin(parameters: BackboneParameters, outputs: int, **options: Any) -> "tuple[nn.Module, WeightsReport | None]":
    """The network with its first weights, and what a file gave of these; options: of `backbones.build_model`.

    Raises InputError or WeightsError where it cannot be had.
    """
    from docsort.models.backbones import build_model
    from docsort.models.pretrained import load_pretrained

    from_hub = parameters.pretrained is True
    net = build_model(parameters.backbone, outputs, parameters.image_size, pretrained=from_hub, **options)
    file = parameters.weights_file()
    by_order = parameters.pretrained == PACKAGED
    return net, None if file is None else load_pretrained(net, file, by_order)
