"""What a run will need is checked before any work: folders, files, tables and names that a user has given.

Only what the nodes that are to run use is looked at, and all that is wrong is told at once.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.framework.hooks import hook_impl
from kedro.io.core import DatasetError

from docsort.ensembling.external_answers import check_sheets
from docsort.errors import DocsortError, InputError, listing
from docsort.folds import known_fold_count
from docsort.hooks.writers import how_to_make
from docsort.ingestion.location import check_data_root, locate
from docsort.ingestion.photos import require_photos
from docsort.member_kinds import KINDS
from docsort.parameters import expand_home
from docsort.remote import is_remote
from docsort.reporting.answer_key import read_answer_key
from docsort.specialists.recipes import check_recipes, recipe_of
from docsort.tables import ANSWER_LEDGER, LEDGER, check_columns
from docsort.user_tables import read_user_table

if TYPE_CHECKING:
    from kedro.framework.context import KedroContext
    from kedro.io import CatalogProtocol
    from kedro.pipeline import Pipeline

logger = logging.getLogger(__name__)

SAMPLE = "sample"
READ_FOLDERS = ("raw_dir", "photos")
READ_FILES = ("answer_key", "label_fixes", "answer_fixes", "reviewed_pages", "pretrained")
"""Settings that name what is only read."""


class PreflightHooks:
    """Refuses a run that could not end well."""

    def __init__(self) -> None:
        self._context: KedroContext | None = None

    @hook_impl
    def after_context_created(self, context: "KedroContext") -> None:
        """Remembers the context, which knows where results go."""
        self._context = context

    @hook_impl(tryfirst=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: "Pipeline", catalog: "CatalogProtocol") -> None:
        """Raises one InputError with all that is wrong. The folder for results is made where all else is well."""
        if self._context is None:
            return
        loader = self._context.config_loader
        settings = loader["globals"] | dict(loader.runtime_params or {})
        root = settings.get("data_root")
        folder = None if root is None else Path(self._context.project_path) / expand_home(root)
        missing_only = bool(run_params.get("only_missing_outputs"))
        check_run(Run(pipeline, catalog, settings, folder, missing_only))


@dataclass(frozen=True)
class Run:
    """What is to run, and with what. settings: what stands in globals.yml and in --params; data_root: absolute."""

    pipeline: "Pipeline"
    catalog: "CatalogProtocol"
    settings: Mapping[str, Any]
    data_root: Path | None
    only_missing: bool = False

    def makes(self, dataset: str) -> bool:
        return dataset in self.pipeline.all_outputs()

    def needs(self, dataset: str) -> bool:
        """Whether a node reads it that no node of the run makes."""
        return dataset in self.pipeline.inputs()

    def uses(self, dataset: str) -> bool:
        return dataset in self.pipeline.datasets()

    def load(self, dataset: str) -> Any:
        return self.catalog.load(dataset)


def check_run(run: Run) -> None:
    """Raises one InputError, a sentence a problem."""
    problems: list[str] = []
    for check in CHECKS:
        try:
            check(run)
        except (DocsortError, DatasetError) as error:
            if not isinstance(cause := cause_of(error), DocsortError):
                raise
            problems.append(str(cause))
    if not problems and run.data_root is not None:
        check_data_root(run.data_root, *(_paths(run, names) for names in (READ_FOLDERS, READ_FILES)))
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))


def _paths(run: Run, names: tuple[str, ...]) -> list[Path]:
    paths = (run.settings.get(name) for name in names)
    return [Path(expand_home(path)) for path in paths if isinstance(path, str) and not is_remote(path)]


def cause_of(error: BaseException) -> BaseException:
    """What an error of a dataset comes from; where nothing caused it, the error itself."""
    while isinstance(error, DatasetError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def check_inputs(run: Run) -> None:
    """What other pipelines write must be there; where only what is missing is made, that may be nothing."""
    if run.only_missing:
        return
    gone = sorted(name for name in run.pipeline.inputs() if not _is_there(run, name))
    if gone:
        how = how_to_make(gone, lambda name: _is_there(run, name))
        todo = f"run {how} first, or name another data_root" if how else "correct its path"
        places = {name: getattr(run.catalog.get(name), "_filepath", "") for name in gone}
        told = listing((f"{name} ({place})" for name, place in places.items()), limit=3)
        raise InputError(f"Expected what this run begins with to be there, but there is no {told}; {todo}.")


def _is_there(run: Run, name: str) -> bool:
    """Raises what is said of it where it is there and damaged, which counts as missing too."""
    if name.startswith("param") or getattr(run.catalog.get(name), "_optional", False) or run.catalog.exists(name):
        return True
    try:
        run.load(name)
    except DatasetError as error:
        if isinstance(own := cause_of(error), DocsortError):
            raise own from error
        return False
    return True


def check_raw_data(run: Run) -> None:
    """The folder of photos, the answer key and the judged pages' ledger are where they are said to be."""
    if run.makes("raw_location") and (source := run.load("params:source")).layout != SAMPLE:
        locate(source)
    if run.makes("photos") and (ledger := run.load("params:source").reviewed_pages) is not None:
        read_user_table(Path(ledger).expanduser(), ANSWER_LEDGER)


def check_answers(run: Run) -> None:
    """The answer key is one that scoring can read."""
    if not run.makes("scores"):
        return
    if run.needs("raw_location"):
        read_answer_key(run.load("raw_location") if _is_there(run, "raw_location") else {})
    elif (source := run.load("params:source")).layout != SAMPLE:
        read_answer_key(locate(source))


def check_new_photos(run: Run) -> None:
    """There are photos to answer, where their folder is named."""
    if run.makes("new_photos") and (source := run.load("params:source")).photos is not None:
        require_photos(Path(source.photos))


def check_tables(run: Run) -> None:
    """The ledger and the answer sheets can be read."""
    if run.uses("label_fixes") and _is_there(run, "label_fixes"):
        check_columns(run.load("label_fixes"), LEDGER, "label_fixes")
    if run.uses("answer_fixes") and _is_there(run, "answer_fixes"):
        check_columns(run.load("answer_fixes"), ANSWER_LEDGER, "answer_fixes")
    if run.makes("external_answers"):
        check_sheets(run.load("params:ensembling").external_answers)


def check_folds(run: Run) -> None:
    """There are as many folds as the data was dealt into."""
    if run.needs("folds") and _is_there(run, "folds") and run.uses("params:members"):
        found, asked = run.load("folds")["fold"].nunique(), known_fold_count()
        if asked is not None and found != asked:
            raise InputError(
                f"Expected as many folds as the data was dealt into, {found}, but `folds` is {asked}; set it to "
                f"{found}, or run the pipelines again from cleaning on."
            )


def check_members(run: Run) -> None:
    """What is trained can be built: the names of backbones, the weights files, the sizes."""
    if "checkpoint_store" not in run.pipeline.inputs():
        return
    members = run.load("params:members")
    wanted = []
    if run.makes("fold_0_members"):
        wanted = [member for _, member in members]
        for name, why in members.left_out.items():
            logger.warning("The member %s is left out: %s", name, why)
    if run.uses("params:specialists"):
        specialists = run.load("params:specialists")
        check_recipes(specialists, members)
        wanted += [recipe_of(name, specialists, members) for name in (*specialists.groups, *specialists.recipes)]
    problems = []
    for number, member in enumerate(wanted):
        if member not in wanted[:number]:
            try:
                KINDS[member.kind].check(member)
            except DocsortError as error:
                problems.append(str(error))
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))


def check_class_names(run: Run) -> None:
    """Names of classes among the parameters of members are those of the data, where that is known already."""
    if run.uses("params:members") and run.needs("classes") and _is_there(run, "classes"):
        run.load("params:members").named(run.load("classes"))


def check_choices(run: Run) -> None:
    """Weights and views are of members and policies that there are."""
    from docsort.ensembling.decisions import given_weights
    from docsort.ensembling.view_choice import named_policy

    if not (run.makes("view_policy") or run.makes("ensemble_selection")):
        return
    ensembling = run.load("params:ensembling")
    if ensembling.views != "auto":
        named_policy(ensembling.views, ensembling.turns, ensembling.scales)
    if isinstance(ensembling.weights, dict) and run.uses("params:members"):
        given_weights(list(run.load("params:members").general), ensembling)


CHECKS: tuple[Callable[[Run], None], ...] = (
    check_inputs,
    check_raw_data,
    check_answers,
    check_new_photos,
    check_tables,
    check_folds,
    check_members,
    check_class_names,
    check_choices,
)
