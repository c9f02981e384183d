"""The model that needs no training: whether it takes part, and how much it costs."""

from pydantic import Field

from docsort.parameters import Parameters


class LookParameters(Parameters):
    """What `looking` is told by the parameters YAML."""

    enabled: bool = Field(default=True, description="whether it is one of the models of each fold")
    size: int = Field(default=128, ge=16, description="side of the square in which pages are looked at, px")
    straightened: bool = Field(default=True, description="whether renders are stored straight, see augmentation")
    worn: int = Field(
        default=2, ge=0, description="training renders of each source that are learnt beside its plain page"
    )
    pages: int = Field(default=1500, ge=50, description="most pages learnt in a fold; time grows with their square")
