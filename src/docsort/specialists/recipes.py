"""How each specialist is trained: as the main member is, but for changes of its own."""

from docsort.errors import InputError
from docsort.images.page_format import PageFormat
from docsort.member_kinds import Members, changed, task_name
from docsort.members.checkpoints import Checkpoint
from docsort.members.splits import Split
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.parameters import SpecialistParameters
from docsort.training.kind import NetworkKind, NetworkTask, begin_with
from docsort.training.parameters import TrainingParameters


def recipe_of(group_name: str, parameters: SpecialistParameters, members: Members) -> TrainingParameters:
    """The parameters of one group's specialist; groups within them are changed key by key."""
    name = f"specialists.recipes.{group_name}"
    recipe: TrainingParameters = changed(members.main, parameters.changes(group_name), name)
    return recipe


def page_formats_of(parameters: SpecialistParameters, members: Members) -> dict[PageFormat, int | None]:
    """The formats that some member or specialist wants pages in, ascending, and the highest copy that is learnt in
    each, None for all: specialists learn them all."""
    names = [*parameters.groups, *parameters.recipes]
    own = dict.fromkeys(recipe_of(name, parameters, members).page_format for name in names)
    return dict(sorted({**members.page_formats, **own}.items()))


def check_recipes(parameters: SpecialistParameters, members: Members) -> None:
    """Raises InputError, all problems together, for recipes that are not valid once they are merged, or that want
    another backbone than the weights that the specialists begin with are of.
    """
    problems, main = [], members.main
    for name in parameters.recipes:
        try:
            recipe = recipe_of(name, parameters, members)
        except InputError as error:
            problems.append(str(error))
            continue
        if parameters.start == "main" and (recipe.backbone, recipe.pretrained) != (main.backbone, main.pretrained):
            problems.append(
                f"Expected the specialist {name} to have no backbone or weights of its own while `start` is main; set "
                "`specialists.start` to recipe."
            )
    if problems:
        raise InputError("\n".join(problems))


def specialist_task(
    group: SpecialistGroup,
    split: Split,
    parameters: SpecialistParameters,
    members: Members,
    seed: int,
    main: Checkpoint,
) -> NetworkTask:
    """A network on the classes of one group. split: restricted to them; main: of the same fold."""
    recipe = recipe_of(group.name, parameters, members)
    task = NetworkKind().task(task_name(specialist_name(group), split.fold), split, recipe, seed)
    return begin_with(task, main) if parameters.start == "main" else task


def specialist_name(group: SpecialistGroup) -> str:
    """What tasks call the specialist of a group."""
    return f"specialist_{group.name}"
