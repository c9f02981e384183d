"""Which models a run trains on each fold: the main one, and as many more as are named, each with changes of its own."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, model_validator

from docsort.training.parameters import TrainingParameters

MAIN = "main"
"""The model of the recipe itself; specialists are trained as it is, but for changes of their own."""

LOOK = "look"
"""The model that needs no training (`looking`)."""

ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class TrainingPlan(TrainingParameters):
    """The recipe of the main model, and what other models have other than it."""

    models: dict[ModelName, dict[str, Any]] = Field(
        default_factory=dict,
        description="more models that are trained on each fold and averaged with the main one: a name, and what is "
        "other than in the recipe around it",
    )

    @model_validator(mode="after")
    def _check_models(self) -> "TrainingPlan":
        for name, changes in self.models.items():
            if name in (MAIN, LOOK) or name.startswith("specialist"):
                raise ValueError(f"Expected a name for one more model, but {name!r} is taken; choose another one.")
            self.changed(changes, f"the model {name}")
            if not changes:
                raise ValueError(
                    f"Expected the model {name} to differ from the main one, but it changes nothing; give it a "
                    "backbone or leave it out."
                )
        return self

    @property
    def names(self) -> list[str]:
        """All models, the main one first."""
        return [MAIN, *self.models]

    def recipe(self, name: str) -> TrainingParameters:
        """What one model is trained by."""
        return self.changed({} if name == MAIN else self.models[name], f"the model {name}")

    def changed(self, changes: Mapping[str, Any], what: str) -> TrainingParameters:
        """The main model's recipe with changes; groups within it are changed key by key. Raises ValueError naming
        `what`, for example "the model second", where that is no valid recipe.
        """
        try:
            return TrainingParameters.model_validate(merged(self.model_dump(exclude={"models"}), changes))
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            raise ValueError(f"Expected {what} to change the recipe to a valid one: {problems}.") from error


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the changes in them, nested groups key by key."""
    result = dict(values)
    for name, change in changes.items():
        inside = result.get(name)
        result[name] = merged(inside, change) if isinstance(inside, Mapping) and isinstance(change, Mapping) else change
    return result


def task_name(model: str, fold: int) -> str:
    """What the log, the tracking and the checkpoint call a training; random numbers depend on it."""
    return f"fold_{fold}" if model == MAIN else f"{model}_fold_{fold}"
