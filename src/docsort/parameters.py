"""The base of every parameter model: unknown keys are refused, values cannot change after validation."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """A strict group of parameters, as it stands under one key of the parameters YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
