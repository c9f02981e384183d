"""Parameters of the command line and of the YAML files are checked by name before anything runs."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl

from docsort.errors import InputError, listing
from docsort.folds import FOLD_COUNT, set_fold_count

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext

RUNTIME_NAMES = (
    "raw_dir",
    "layout",
    "data_root",
    "label_fixes",
    "backbone",
    "pretrained",
    "image_size",
    "straighten",
    "seed",
    "folds",
    "holdout",
    "answer_key",
    "photos",
)
"""Names that --params takes besides the groups of the parameters files; they are read where they are used."""

MEMBER_FIELDS: Mapping[str, str | None] = {
    "early_scale": "progressive_resizing.scale",
    "early_share": "progressive_resizing.share",
    "frozen_epochs": "freeze_epochs",
    "turns": "dihedral",
    "emphasis": "oversample",
    "compiled": "compile",
    "snapshots": None,
    "average_snapshots": None,
}
"""Old and present names of what a member is told; None: gone."""

RENAMED: Mapping[str, str | None] = {
    "augmentation.emphasis": "augmentation.oversample",
    "augmentation.size": "`image_size` of each member",
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


class ParameterHooks:
    """Refuses parameters that nothing would read."""

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Raises InputError for old names of parameters, in the YAML files or given with --params, and for names given
        with --params that are neither a group of parameters nor a runtime name.
        """
        loader = context.config_loader
        given = dict(loader.runtime_params or {})
        check_renamed(given)
        loader.runtime_params = {name: value for name, value in given.items() if name in RUNTIME_NAMES}
        try:
            parameters = loader["parameters"]
        finally:
            loader.runtime_params = given
        check_renamed(parameters)
        set_fold_count(parameters.get("cross_validation", {}).get("folds", FOLD_COUNT))
        check_names([name for name in given if name not in RUNTIME_NAMES], {*parameters, *RUNTIME_NAMES})


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
