"""Parameters of the command line and of the YAML files are checked before anything runs: by name, then by value.

Kedro checks groups too, after this, and finds nothing: here every problem is told, and in plain words.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.validation import TypeExtractor
from pydantic import Field, field_validator

from docsort.errors import InputError, listing
from docsort.folds import FOLD_COUNT, MOST_FOLDS, set_fold_count
from docsort.parameters import Parameters, PathText, read
from docsort.tracking import TrackingParameters

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.pipeline import Pipeline

RUNTIME_NAMES = (
    "raw_dir",
    "layout",
    "data_root",
    "store_root",
    "label_fixes",
    "answer_fixes",
    "backbone",
    "pretrained",
    "image_size",
    "straighten",
    "seed",
    "folds",
    "holdout",
    "answer_key",
    "photos",
    "reviewed_pages",
    "preset",
    "time_limit",
)
"""Names that --params takes besides the groups of the parameters files; they are read where they are used."""

FOLD_NUMBERS = {f"fold_{number}": number for number in range(MOST_FOLDS)}

LOCATIONS = ("data_root", "store_root", "label_fixes", "answer_fixes")
"""Those that only the catalog reads."""

MEMBER_FIELDS: Mapping[str, str | None] = {
    "early_scale": "progressive_resizing.scale",
    "early_share": "progressive_resizing.share",
    "frozen_epochs": "freeze_epochs",
    "turns": "dihedral",
    "emphasis": "oversample",
    "compiled": "compile",
    "straightened": "straighten",
    "snapshots": None,
    "average_snapshots": None,
}
"""Old and present names of what a member is told; None: gone."""

RENAMED: Mapping[str, str | None] = {
    "augmentation.emphasis": "augmentation.oversample",
    "augmentation.size": "`image_size` of each member",
    "augmentation.straighten": "`straighten` of each member",
    "cleaning.duplicates.largest_group": None,
    "cleaning.oddities": None,
    "cleaning.suspects.first_look": "cleaning.suspects.baseline",
    "reporting.odd_pages": "reporting.novel_pages",
    "training.models": "members: a name, with `like: main` and what is other than that",
    "training": "members.main",
    "look.size": "members.kernel.image_size",
    "look.pages": "members.kernel.max_pages",
    "look.worn": "members.kernel.copies",
    "look": "members.kernel",
    "ensembling.submissions": "ensembling.external_answers",
    "ensembling.review_oddity": "ensembling.review_novelty",
    "ensembling.oddity_neighbours": None,
    "specialists.find_lift": "specialists.find_confusion_ratio",
    **{
        f"{group}.*.{old}": now and f"{group}.*.{now}"
        for group in ("members", "specialists.recipes")
        for old, now in MEMBER_FIELDS.items()
    },
}
"""Old names of parameters, dotted, `*` for any name, and what they are called now; None: a constant of the code."""


class RunSettings(Parameters):
    """What stands in no group: the root of all random numbers, and where everything goes."""

    seed: int = Field(default=0, ge=0)
    data_root: PathText = "data"
    store_root: PathText | None = None
    label_fixes: PathText = "label_fixes.csv"
    answer_fixes: PathText = "answer_fixes.csv"
    fold_numbers: dict[str, int] = FOLD_NUMBERS

    @field_validator(*LOCATIONS)
    @classmethod
    def _check_braces(cls, path: str | None) -> str | None:
        if path is not None and ("{" in path or "}" in path):
            raise ValueError(
                f"Expected a path without braces, which Kedro takes for a pattern, but got {path!r}; use another name, "
                "or a link to it."
            )
        return path

    @field_validator("fold_numbers")
    @classmethod
    def _check_numbers(cls, numbers: dict[str, int]) -> dict[str, int]:
        if numbers != FOLD_NUMBERS:
            raise ValueError(
                "Expected the numbers of the folds as they are, a constant, but some are other; remove them."
            )
        return numbers


class ParameterHooks:
    """Refuses parameters that nothing would read, and values that they cannot have."""

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Raises InputError for old names of parameters, in the YAML files or given with --params, for names given with
        --params that are neither a group of parameters nor a runtime name, and for values that cannot be.
        """
        from kedro.framework.project import pipelines

        loader = context.config_loader
        given = dict(loader.runtime_params or {})
        check_renamed(given)
        check_references(given)
        check_preset(loader["globals"] | given)
        loader.runtime_params = {name: value for name, value in given.items() if name in RUNTIME_NAMES}
        try:
            written = loader["parameters"]
        finally:
            loader.runtime_params = given
        check_renamed(written)
        check_names([name for name in given if name not in RUNTIME_NAMES], {*written, *RUNTIME_NAMES})
        parameters = loader["parameters"]
        dealing = parameters.get("cross_validation", {})
        set_fold_count(dealing.get("folds", FOLD_COUNT) if isinstance(dealing, Mapping) else FOLD_COUNT)
        settings = loader["globals"] | given
        check_values(parameters, {name: settings[name] for name in LOCATIONS if name in settings}, pipelines)


def check_preset(settings: Mapping[str, Any]) -> None:
    """Raises InputError for a preset that there is not."""
    known, asked = settings.get("presets", {}), settings.get("preset")
    if known and asked not in known:
        raise InputError(f"Expected `preset` to be one of {listing(known)}, but got {asked!r}.")


def check_references(given: Mapping[str, Any]) -> None:
    """Raises InputError for a value that Kedro would not take as it is, but for the name of another."""
    found = [f"{name}={value}" for name, value in given.items() if "${" in str(value)]
    if found:
        raise InputError(
            f"Expected --params without ${{, which Kedro reads as a reference to another setting, but got "
            f"{listing(found)}; use a path without it, for example a link to the folder."
        )


def check_values(
    parameters: Mapping[str, Any], locations: Mapping[str, Any], pipelines: Mapping[str, "Pipeline"]
) -> None:
    """Raises one InputError, a sentence a problem, for values that no group of parameters can have.

    The groups and their models are those that the nodes of the pipelines ask for.
    """
    asked = {
        name: model
        for name, model in TypeExtractor(dict(pipelines)).extract_types_from_pipelines().items()
        if name in parameters
    }
    watched = {"tracking": TrackingParameters} if "tracking" in parameters else {}
    alone = {**locations, **{name: parameters[name] for name in ("seed", "fold_numbers") if name in parameters}}
    problems = []
    for name, model in {"": RunSettings, **watched, **asked}.items():
        try:
            read(model, parameters[name] if name else alone, name)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))


def check_renamed(parameters: Mapping[str, Any], renamed: Mapping[str, str | None] = RENAMED) -> None:
    """Raises one InputError for all parameters that are given by an old name, with the present one."""
    found = [
        f"{'.'.join(path)} ({f'now {now}' if now else 'fixed now: remove it'})"
        for old, name in renamed.items()
        for path in _paths(parameters, old.split("."))
        for now in [name and name.replace("*", path[-2:][0])]
    ]
    if found:
        raise InputError(f"Expected parameters by their present names, but got {listing(found, limit=40)}.")


def _paths(parameters: Any, pattern: list[str]) -> Iterator[list[str]]:
    """The paths at which the nested mapping has a value and that the pattern stands for."""
    if not pattern:
        yield []
    elif isinstance(parameters, Mapping):
        for part in parameters if pattern[0] == "*" else [pattern[0]]:
            if part in parameters:
                yield from ([str(part), *rest] for rest in _paths(parameters[part], pattern[1:]))


def check_names(names: list[str], known: set[str]) -> None:
    """Raises one InputError for all names that are not known, with the nearest that are."""
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    near = [match for name in unknown for match in get_close_matches(name, known, n=2)]
    hint = f"did you mean {listing(near)}?" if near else f"known are {listing(sorted(known), limit=40)}."
    raise InputError(f"Expected --params to name settings that exist, but got {listing(unknown)}; {hint}")
