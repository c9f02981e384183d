"""Kedro's command line with a `run` of our own and the page for judging labels; all other commands are Kedro's.

`kedro run` takes Kedro's options. It differs in three things: the folds run side by side unless another runner is
asked for, a mistake of the user's is answered with one sentence instead of a traceback, and Ctrl-C, SIGTERM or a closed
terminal end it quietly, with its workers.
"""

import copy
import traceback
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS, _split_params

from docsort.console import login, one_sentence_errors, plain_logs, work_ended
from docsort.errors import DocsortError, InputError, listing
from docsort.work.signals import ended_by_signals

if TYPE_CHECKING:
    from docsort.reviewing.review import Review

DEFAULT_RUNNER = "docsort.runners.FoldRunner"


@click.group(context_settings=CONTEXT_SETTINGS, name="kedro")
def cli() -> None:
    """Docsort's own commands."""


def read_params(context: click.Context, param: click.Parameter, value: Any) -> Any:
    """The settings of `--params`, as Kedro reads them; a text that cannot be read is one sentence."""
    pieces = [piece for piece in value.split(",") if piece.strip()] if isinstance(value, str) else []
    lost = [piece for piece in pieces if not piece.partition("=")[1] or not piece.partition("=")[0].strip()]
    hint = "a value with a comma, a bracket or another sign that means something in YAML stands in conf/local/ instead"
    if lost:
        raise click.ClickException(
            f"Expected --params to be name=value, parted by commas, but got {listing(map(repr, lost))}; {hint}, such "
            "as a path in conf/local/globals.yml."
        )
    try:
        return _split_params(context, param, value)
    except Exception as error:  # YAML, OmegaConf and Python raise errors that share no base class
        reason = " ".join(str(error).split())
        raise click.ClickException(
            f"Expected --params that YAML can read, but got {value!r} ({reason}); {hint}."
        ) from error


def _params() -> list[click.Parameter]:
    """Kedro's options for `run`, with our runner as the default."""
    params = [copy.copy(param) for param in kedro_run.params]
    for param in params:
        if isinstance(param, click.Option) and param.name == "runner":
            param.default = DEFAULT_RUNNER
            param.help = f"{param.help}\nWithout it, the folds run side by side ({DEFAULT_RUNNER})."
        if isinstance(param, click.Option) and param.name == "params":
            param.callback = read_params
    return params


@cli.command(params=_params())
@click.pass_context
def run(context: click.Context, /, **options: Any) -> Any:
    """Run the pipeline."""
    with one_sentence_errors(sentence_of), plain_logs(), ended_by_signals(), work_ended():
        check_runner(options["runner"])
        return context.invoke(kedro_run, **with_pipeline_listed(options))


@cli.command("label-review")
@click.option("--env", "-e", help="Kedro configuration environment name. Defaults to `local`.")
@click.option("--params", default="", callback=read_params, help='As for `run`, for example "data_root=../results".')
@click.option("--pages", is_flag=True, help="Judge the answers on test images that need review instead.")
@click.option("--port", type=click.IntRange(0, 65535), default=4142, show_default=True, help="0 takes any free one.")
@click.option("--name", help="Who decides, as the ledger is to name them. Defaults to your login.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
def label_review(
    env: str | None, params: dict[str, Any], pages: bool, port: int, name: str | None, open_browser: bool
) -> None:
    """Judge suspected labels, or answers, on a local page."""
    with one_sentence_errors(sentence_of):
        from docsort.reviewing.server import serve_until_stopped

        load = load_answer_review if pages else load_review
        serve_until_stopped(*load(env, params, name or login()), port, open_browser)


def _catalog(env: str | None, params: dict[str, Any]) -> Any:
    """The project's datasets."""
    from kedro.framework.session import KedroSession

    return KedroSession.create(env=env, runtime_params=params, save_on_close=False).load_context().catalog


def load_review(env: str | None, params: dict[str, Any], name: str) -> tuple["Review", dict[str, str]]:
    """The review of suspected labels that the project's datasets hold, and the paths of the training images by id."""
    from docsort.cleaning.ledger import full_ids, resolve_ledger
    from docsort.reviewing.cards import check_cards
    from docsort.reviewing.decisions import LedgerFile
    from docsort.reviewing.review import Review

    catalog = _catalog(env, params)
    cards, classes, images = (catalog.load(dataset) for dataset in ("label_cards", "classes", "images"))
    train = images[images["split"] == "train"]
    check_cards(cards["cards"], train)
    resolve_ledger(train, catalog.load("label_fixes"), classes)
    ledger = LedgerFile(catalog["label_fixes"].path, full_ids(train))
    ledger.read()  # it is stricter than a run, as it keeps every byte
    paths = dict(zip(train["image_id"].astype(str), train["path"].astype(str), strict=True))
    return Review(cards["cards"], classes, ledger, name), paths


def load_answer_review(env: str | None, params: dict[str, Any], name: str) -> tuple["Review", dict[str, str]]:
    """The same of the answers on test images that need review, also of those that cannot be read; paths by SHA-256."""
    from docsort.cleaning.ledger import resolve_answers
    from docsort.reviewing.answer_cards import AnswerReview, list_test_answers, make_answer_cards, open_ledger

    catalog = _catalog(env, params)
    names = ("test_probabilities", "photos", "rejected_images", "model_submission", "classes")
    answers, photos, rejected, sheet, classes = (catalog.load(dataset) for dataset in names)
    resolve_answers(catalog.load("answer_fixes"), classes)
    stamp = catalog.load("ensemble").fingerprint()
    table, pictures = list_test_answers(answers, photos, rejected, sheet, stamp)
    ledger = open_ledger(catalog["answer_fixes"].path)
    return AnswerReview(make_answer_cards(table), classes, ledger, name), pictures


def check_runner(name: str) -> None:
    """Raises InputError where there is no such runner."""
    from kedro.utils import load_obj

    try:
        load_obj(name, "kedro.runner")
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"Expected --runner to be a class of Kedro's runners, such as SequentialRunner, or the path of one, as "
            f"{DEFAULT_RUNNER}, but got {name!r} ({error}); correct it, or leave it out."
        ) from error


def with_pipeline_listed(options: dict[str, Any]) -> dict[str, Any]:
    """`--pipeline x` as `--pipelines x`: Kedro runs the same, without warning of a spelling that still works."""
    if options["pipeline"] and not options["pipelines"]:
        return {**options, "pipeline": None, "pipelines": [options["pipeline"]]}
    return options


def sentence_of(error: BaseException) -> str | None:
    """What to tell the user, or None when the error is not one that a user can put right."""
    # Not above: every Kedro command loads this module, and only a failed run needs them.
    from kedro.config import MissingConfigException
    from kedro.framework.cli.utils import KedroCliError
    from kedro.io.core import DatasetError
    from omegaconf.errors import OmegaConfBaseException

    from docsort.hooks.selections import MODULES, sentence_of_selection

    if isinstance(error, DocsortError | MissingConfigException | KedroCliError):
        return str(error)
    if isinstance(error, OmegaConfBaseException):
        first = str(error).partition("\n")[0]
        return f"Expected settings that Kedro can read, but it says: {first}; correct conf/ or --params."
    if isinstance(error, DatasetError):
        return _sentence_of_dataset(error)
    if isinstance(error, ValueError) and _raised_in(error) in MODULES:
        return sentence_of_selection(str(error))
    return None


def _sentence_of_dataset(error: BaseException) -> str | None:
    """An error of a dataset counts as what caused it; where nothing did, the dataset itself has spoken."""
    from kedro.io.core import DatasetError, VersionNotFoundError

    from docsort.hooks.preflight import cause_of
    from docsort.hooks.writers import how_to_make

    cause, name = cause_of(error), str(error).partition(":")[0]
    how = how_to_make([name]) or "the pipeline that writes it"
    if isinstance(cause, FileNotFoundError):
        return (
            f"Expected dataset `{name}` to be at {cause.filename}, but nothing is there; "
            f"run {how}, or name a version that exists."
        )
    if isinstance(cause, VersionNotFoundError):
        return f"Expected a version of dataset `{name}`, but there is none yet; run {how}."
    return str(cause) if isinstance(cause, DatasetError) else sentence_of(cause)


def _raised_in(error: BaseException) -> str:
    """Name of the module whose code raised the error."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")) if frames else ""
