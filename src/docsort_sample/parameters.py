"""What the drawn sample is to be like."""

from pydantic import BaseModel, ConfigDict, Field


class SampleParameters(BaseModel):
    """Size and planted faults of the sample; the figures of the real job are in `kinds`."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)

    scale: float = Field(0.3, gt=0, le=20, description="share of the real job's 1,570 train and 3,140 test photos")
    label_noise: float = Field(0.02, ge=0, le=0.3, description="share of train labels that are wrong")
    near_duplicates: float = Field(0.02, ge=0, le=0.3, description="share of train photos that nearly repeat another")
    title_only: float = Field(
        0.15, ge=0, le=1, description="share of the photos of classes 3, 4, 7 and 14 that only their title tells apart"
    )
    hangul: float = Field(
        0.0, ge=0, le=1, description="share of the photos of classes 3, 4, 7 and 14 with title and labels in Hangul"
    )
