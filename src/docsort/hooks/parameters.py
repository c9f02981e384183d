"""Settings given on the command line are checked before anything runs."""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from docsort.errors import InputError, listing

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
    "answer_key",
)
"""Names that --params takes besides the groups of the parameters files; they are read where they are used."""


class ParameterHooks:
    """Refuses settings on the command line that nothing would read."""

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Raises InputError for names given with --params that are neither a group of parameters nor a runtime name."""
        loader = context.config_loader
        given = dict(loader.runtime_params or {})
        suspects = [name for name in given if name not in RUNTIME_NAMES]
        if not suspects:
            return
        loader.runtime_params = {name: value for name, value in given.items() if name in RUNTIME_NAMES}
        try:
            known = {*loader["parameters"], *RUNTIME_NAMES}
        finally:
            loader.runtime_params = given
        check_names(suspects, known)


def check_names(names: list[str], known: set[str]) -> None:
    """Raises one InputError for all names that are not known, with the nearest that are."""
    unknown = [name for name in names if name not in known]
    if not unknown:
        return
    near = [match for name in unknown for match in get_close_matches(name, known, n=2)]
    hint = f"did you mean {listing(near)}?" if near else f"known are {listing(sorted(known), limit=40)}."
    raise InputError(f"Expected --params to name settings that exist, but got {listing(unknown)}; {hint}")
