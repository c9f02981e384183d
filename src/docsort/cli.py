"""Kedro's command line with a `run` of our own and the page for judging labels; all other commands are Kedro's.

`kedro run` takes Kedro's options. It differs in three things: the folds run side by side unless another runner is
asked for, a mistake of the user's is answered with one sentence instead of a traceback, and Ctrl-C ends it quietly.
"""

import copy
import getpass
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import CONTEXT_SETTINGS, _split_params

from docsort.errors import DocsortError, InputError

if TYPE_CHECKING:
    from docsort.reviewing.review import Review

DEFAULT_RUNNER = "docsort.runners.FoldRunner"
SELECTION_MODULES = ("kedro.framework.session.session", "kedro.pipeline.pipeline", "kedro.runner.runner")
"""Where Kedro says with a ValueError that a pipeline, node or input named on the command line does not exist."""

NOISE = re.compile(
    r"Failed to instantiate \w+ for parameter '\w+': \d+ validation errors? for \w+(?:\n +(?=Value error))?"
    r"|Value error, | \[type=.*\]"
    r"|\n *For further information visit .*"
)
"""What Kedro and pydantic say around a parameter's problem."""

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


@click.group(context_settings=CONTEXT_SETTINGS, name="kedro")
def cli() -> None:
    """Docsort's own commands."""


def _params() -> list[click.Parameter]:
    """Kedro's options for `run`, with our runner as the default."""
    params = [copy.copy(param) for param in kedro_run.params]
    for param in params:
        if isinstance(param, click.Option) and param.name == "runner":
            param.default = DEFAULT_RUNNER
            param.help = f"{param.help}\nWithout it, the folds run side by side ({DEFAULT_RUNNER})."
    return params


@cli.command(params=_params())
@click.pass_context
def run(context: click.Context, /, **options: Any) -> Any:
    """Run the pipeline."""
    with one_sentence_errors():
        return context.invoke(kedro_run, **with_pipeline_listed(options))


@cli.command("label-review")
@click.option("--env", "-e", help="Kedro configuration environment name. Defaults to `local`.")
@click.option("--params", default="", callback=_split_params, help='As for `run`, for example "data_root=../results".')
@click.option("--port", type=click.IntRange(0, 65535), default=4142, show_default=True, help="0 takes any free one.")
@click.option("--name", help="Who decides, as the ledger is to name them. Defaults to your login.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
def label_review(env: str | None, params: dict[str, Any], port: int, name: str | None, open_browser: bool) -> None:
    """Judge suspected labels on a local page."""

    def tell(url: str) -> None:
        click.echo(f"Judge the labels at {url} and end this with Ctrl-C; every decision is saved at once.")
        if open_browser:
            click.launch(url)

    with one_sentence_errors():
        from docsort.reviewing.server import serve

        review, paths = load_review(env, params, name or login())
        serve(review, paths, port, tell)


def load_review(env: str | None, params: dict[str, Any], name: str) -> tuple["Review", dict[str, str]]:
    """The review that the project's datasets hold, and the paths of the training images by image id."""
    from kedro.framework.session import KedroSession

    from docsort.cleaning.ledger import full_ids, resolve_ledger
    from docsort.reviewing.cards import check_cards
    from docsort.reviewing.decisions import LedgerFile
    from docsort.reviewing.review import Review

    session = KedroSession.create(env=env, runtime_params=params, save_on_close=False)
    catalog = session.load_context().catalog
    cards, classes, images = (catalog.load(dataset) for dataset in ("label_cards", "classes", "images"))
    train = images[images["split"] == "train"]
    check_cards(cards["cards"], train)
    resolve_ledger(train, catalog.load("label_fixes"), classes)
    ledger = LedgerFile(catalog["label_fixes"].path, full_ids(train))
    paths = dict(zip(train["image_id"].astype(str), train["path"].astype(str), strict=True))
    return Review(cards["cards"], classes, ledger, name), paths


def login() -> str:
    """Who is logged in. Raises InputError where the system has no name for them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:  # a container's user without a name
        raise InputError("Expected a login to name who decides, but the system has none; give --name.") from error


def with_pipeline_listed(options: dict[str, Any]) -> dict[str, Any]:
    """`--pipeline x` as `--pipelines x`: Kedro runs the same, without warning of a spelling that still works."""
    if options["pipeline"] and not options["pipelines"]:
        return {**options, "pipeline": None, "pipelines": [options["pipeline"]]}
    return options


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """Turns what the user can put right into an error message; what nobody foresaw keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        sentence = sentence_of(error)
        if sentence is None:
            raise
        raise click.ClickException(sentence) from error


def sentence_of(error: BaseException) -> str | None:
    """What to tell the user, or None when the error is not one that a user can put right."""
    # Not above: every Kedro command loads this module, and only a failed run needs them.
    from kedro.config import MissingConfigException
    from kedro.framework.cli.utils import KedroCliError
    from kedro.io.core import DatasetError
    from kedro.validation.exceptions import ParameterValidationError

    if isinstance(error, DocsortError | MissingConfigException | KedroCliError):
        return str(error)
    if isinstance(error, ParameterValidationError):
        return re.sub(NOISE, "", str(error))
    if isinstance(error, DatasetError):
        return _sentence_of_dataset(error)
    if isinstance(error, ValueError) and _raised_in(error) in SELECTION_MODULES:
        return str(error)
    return None


def _sentence_of_dataset(error: BaseException) -> str | None:
    """An error of a dataset counts as what caused it; where nothing did, the dataset itself has spoken."""
    from kedro.io.core import DatasetError, VersionNotFoundError

    cause = error
    while isinstance(cause, DatasetError) and cause.__cause__ is not None:
        cause = cause.__cause__
    name = str(error).partition(":")[0]
    if isinstance(cause, FileNotFoundError):
        return (
            f"Expected dataset `{name}` to be at {cause.filename}, but nothing is there; "
            "run the pipeline that writes it, or name a version that exists."
        )
    if isinstance(cause, VersionNotFoundError):
        return f"Expected a version of dataset `{name}`, but there is none yet; run the pipeline that writes it."
    return str(cause) if isinstance(cause, DatasetError) else sentence_of(cause)


def _raised_in(error: BaseException) -> str:
    """Name of the module whose code raised the error."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")) if frames else ""
