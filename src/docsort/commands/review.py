"""`docsort review`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from docsort.commands.classifier import ensemble_option, load_classifier
from docsort.console import login, one_sentence_errors, work_ended

if TYPE_CHECKING:
    import pandas as pd

    from docsort.reviewing.review import Review

TOOL: dict[str, Any] = {
    "type": (click.Choice(["label-studio", "fiftyone"]), click.Path(path_type=Path)),
    "metavar": "TOOL PATH",
}


@click.command()
@click.argument("answers", type=click.Path(path_type=Path))
@click.option("--ledger", type=click.Path(path_type=Path), help="CSV of decisions. Defaults to <ANSWERS>_fixes.csv.")
@ensemble_option
@click.option("--to", type=click.Path(path_type=Path), help="Write the answers as decided to this file, and end.")
@click.option("--export", **TOOL, help="Write pages for another tool, label-studio or fiftyone, and end.")
@click.option("--import", "imported", **TOOL, help="Take the decisions that such a tool has exported, and end.")
@click.option("--port", type=click.IntRange(0, 65535), default=4142, show_default=True, help="0 takes any free one.")
@click.option("--name", help="Who decides, as the ledger is to name them. Defaults to your login.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
def review(
    answers: Path,
    ledger: Path | None,
    ensemble: str | None,
    to: Path | None,
    export: tuple[str, Path] | None,
    imported: tuple[str, Path] | None,
    port: int,
    name: str | None,
    open_browser: bool,
) -> None:
    """Judge the pages that need review, of ANSWERS that `docsort predict --to` wrote, on a local page."""
    with one_sentence_errors(), work_ended():
        ledger = ledger or answers.with_name(f"{answers.stem}_fixes.csv")
        _check_targets(answers, ledger, to, export, imported)
        table, classes = _read(answers, ensemble)
        if to is not None:
            _finish(table, classes, ledger, to)
            return
        with TemporaryDirectory(prefix="docsort-") as temporary:
            pages = export[1].with_name(f"{export[1].name}.pages") if export else Path(temporary)
            reviewing, pictures = _open(table, classes, ledger, pages, name or login())
            if export is not None:
                from docsort.reviewing.exchange import export_pages

                click.echo(export_pages(*export, reviewing, pictures))
            elif imported is not None:
                from docsort.reviewing.exchange import import_decisions

                click.echo(import_decisions(*imported, reviewing))
            else:
                from docsort.reviewing.server import serve_until_stopped

                serve_until_stopped(reviewing, pictures, port, open_browser)


def _check_targets(
    answers: Path, ledger: Path, to: Path | None, export: tuple[str, Path] | None, imported: tuple[str, Path] | None
) -> None:
    """One thing at a time, and nothing written over what is read."""
    from docsort.errors import InputError

    if sum(wish is not None for wish in (to, export, imported)) > 1:
        raise InputError("Expected one of --to, --export and --import, but got several; give one at a time.")
    written = to or (export[1] if export else None)
    if written is not None and written.absolute() in (answers.absolute(), ledger.absolute()):
        raise InputError(f"Expected to write to another file than is read, but got {written}; name another.")


def _read(answers: Path, ensemble: str | None) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The answers, and the classes of the ensemble that answered."""
    import pandas as pd

    from docsort.errors import InputError
    from docsort.reviewing.answer_cards import check_classes
    from docsort.serving.results import read_result

    table = read_result(answers)
    if "model_target" in table:
        raise InputError(f"Expected answers as an ensemble gave them, but {answers} has final ones; name the former.")
    classes = pd.DataFrame(load_classifier(ensemble).classes.items(), columns=["target", "class_name"])
    check_classes(table, classes)
    return table, classes


def _open(
    table: "pd.DataFrame", classes: "pd.DataFrame", ledger: Path, pages: Path, name: str
) -> tuple["Review", dict[str, str]]:
    """The review of what can be seen; what cannot is told."""
    from docsort.errors import listing
    from docsort.reviewing.answer_cards import AnswerReview, find_pictures, make_answer_cards, open_ledger
    from docsort.stores import Store

    pictures, gone = find_pictures(table, Store(pages.absolute()))
    if gone:
        click.echo(f"{len(gone)} pages are gone, have changed or cannot be shown: {listing(gone)}", err=True)
    cards = [card for card in make_answer_cards(table) if card["image_id"] in pictures]
    return AnswerReview(cards, classes, open_ledger(ledger), name), pictures


def _finish(table: "pd.DataFrame", classes: "pd.DataFrame", ledger: Path, to: Path) -> None:
    """Writes the final answers."""
    from docsort.cleaning.ledger import resolve_answers
    from docsort.reviewing.final_answers import SETTLED, decide_answers
    from docsort.serving.results import check_result, write_result
    from docsort.tables import ANSWER_LEDGER
    from docsort.user_tables import read_user_table

    check_result(to)
    final, told = decide_answers(table, resolve_answers(read_user_table(ledger, ANSWER_LEDGER), classes, str(ledger)))
    names = dict(zip(classes["target"], classes["class_name"], strict=True))
    final["class_name"] = final["target"].map(names).fillna("").astype(object)
    final["needs_review"] &= ~final["decision"].isin(SETTLED)
    write_result([final], to)
    click.echo(f"{told} The final answers are in {to}", err=True)
