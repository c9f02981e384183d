"""How each group's specialist is trained: the main model's recipe, with changes of its own."""

from docsort.errors import InputError
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.training.parameters import TrainingParameters
from docsort.training.plan import TrainingPlan


def recipe_of(group: SpecialistGroup, parameters: SpecialistParameters, plan: TrainingPlan) -> TrainingParameters:
    """The recipe of one group's specialist; groups within the recipe are changed key by key."""
    return plan.changed(parameters.changes(group.name), f"the specialist {group.name}")


def check_recipes(parameters: SpecialistParameters, plan: TrainingPlan) -> None:
    """Raises InputError, all problems together, for recipes that are not valid once they are merged."""
    problems = []
    for name, changes in parameters.recipes.items():
        try:
            plan.changed(changes, f"the specialist {name}")
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise InputError(f"{' '.join(problems)} Correct `specialists.recipes` in the parameters.")
