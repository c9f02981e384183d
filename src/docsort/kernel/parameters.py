"""How a kernel model is made; the model itself is in `kernel.model`."""

from typing import Literal

from pydantic import Field

from docsort.members.member import MemberParameters

KERNEL = "kernel"
"""The kind's name."""


class KernelParameters(MemberParameters):
    """A member that is fitted in seconds on a CPU, without gradient descent."""

    kind: Literal["kernel"] = "kernel"
    image_size: int = Field(default=128, ge=16, le=2048, description="side of the described square, pixels")
    copies: int = Field(
        default=2, ge=0, description="augmented renders of each source that are learnt beside its plain page"
    )
    max_pages: int = Field(default=1500, ge=50, description="most pages learnt per fold; time grows with their square")

    @property
    def side(self) -> int:
        return self.image_size
