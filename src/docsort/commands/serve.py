"""`docsort serve`."""

import os
from functools import partial
from pathlib import Path

import click

from docsort.commands.classifier import (
    ENSEMBLE,
    USUAL_PLACE,
    ensemble_argument,
    graphs_option,
    load_classifier,
    threshold_option,
)
from docsort.console import one_sentence_errors, work_ended

TOKEN = "DOCSORT_TOKEN"


@click.command()
@ensemble_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address; any but this machine's wants a token.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 takes one that is free."
)
@click.option("--token", envvar=TOKEN, help=f"What clients must know; better in {TOKEN}, where nobody lists it.")
@threshold_option
@graphs_option
@click.option("--max-megabytes", default=64, show_default=True, type=click.IntRange(1, 4096), help="Of a request.")
@click.option("--max-megapixels", default=50, show_default=True, type=click.IntRange(1, 178), help="Of a page.")
@click.option("--max-pages", default=64, show_default=True, type=click.IntRange(1, 512), help="Of a request.")
@click.option("--max-seconds", default=60, show_default=True, type=click.IntRange(1, 3600), help="For each step of it.")
def serve(
    ensemble: str | None,
    host: str,
    port: int,
    token: str | None,
    threshold: float | None,
    onnx: Path | None,
    max_megabytes: int,
    max_megapixels: int,
    max_pages: int,
    max_seconds: int,
) -> None:
    """Answer pages over HTTP, with a page in the browser to drop a photo on.

    ENSEMBLE is its folder, or models:/NAME@alias of MLflow. A newer version of it is used as soon as it is there, or at
    once after SIGHUP; a model of MLflow after SIGHUP alone.
    """
    with one_sentence_errors(), work_ended():
        import logging

        from docsort.serving.http.limits import Limits
        from docsort.serving.http.server import serve as serve_http
        from docsort.serving.registry import is_model_uri

        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
        logging.getLogger("docsort.serving").setLevel(logging.INFO)
        limits = Limits(max_megabytes, max_megapixels, max_pages, max_seconds)
        place = ensemble or os.environ.get(ENSEMBLE) or USUAL_PLACE
        folder = None if is_model_uri(place) else Path(place)
        load = partial(load_classifier, place, threshold, onnx)
        serve_http(load, folder, host, port, token or None, limits, _tell)


def _tell(url: str, fingerprint: str) -> None:
    click.echo(f"The ensemble {fingerprint} answers at {url} ; Ctrl-C ends it.", err=True)
