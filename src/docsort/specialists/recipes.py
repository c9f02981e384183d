"""How each group's specialist is trained: the main model's recipe, with changes of its own, and where it begins."""

from dataclasses import replace

from docsort.errors import InputError, LeakError
from docsort.models.descriptions import WEIGHTS_FILE
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.training.checkpoints import Checkpoint
from docsort.training.parameters import TrainingParameters
from docsort.training.plan import TrainingPlan
from docsort.training.tasks import FoldTask


def recipe_of(group: SpecialistGroup, parameters: SpecialistParameters, plan: TrainingPlan) -> TrainingParameters:
    """The recipe of one group's specialist; groups within the recipe are changed key by key."""
    return plan.changed(parameters.changes(group.name), f"the specialist {group.name}")


def check_recipes(parameters: SpecialistParameters, plan: TrainingPlan) -> None:
    """Raises InputError, all problems together, for recipes that are not valid once they are merged, or that want
    another backbone than the weights that the specialists begin with are of.
    """
    problems = []
    for name, changes in parameters.recipes.items():
        try:
            recipe = plan.changed(changes, f"the specialist {name}")
        except ValueError as error:
            problems.append(str(error))
            continue
        if parameters.start == "main" and (recipe.backbone, recipe.pretrained) != (plan.backbone, plan.pretrained):
            problems.append(
                f"Expected the specialist {name} to have no backbone or weights of its own while `start` is main."
            )
    if problems:
        raise InputError(f"{' '.join(problems)} Correct `specialists` in the parameters.")


def begin_with(task: FoldTask, main: Checkpoint) -> FoldTask:
    """The task, begun with the weights of the main model of the same fold, at the learning rate of pretrained ones.

    What the main model has learnt counts as learnt. Raises LeakError where it does not say what that is.
    """
    learnt = (main.record() or {}).get("learnt_groups")
    if learnt is None:
        raise LeakError(
            f"Expected the main model that {task.name} begins with to say what it has learnt, but it does not; train "
            "it again."
        )
    parameters = task.parameters.model_copy(update={"pretrained": str(main.folder / WEIGHTS_FILE)})
    return replace(task, parameters=parameters, learnt_before=tuple(learnt))
