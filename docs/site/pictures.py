"""Makes the pictures of the documentation anew, so that they stay true, and the pages of the notebooks.

    uv run --group docs python docs/site/pictures.py [NAME ...]

Wants the results of `uv run kedro run` in `data/`, and Chromium. Every screen is opened as a user opens it, and its
picture is written to docs/images/; the notebooks are run, and what they show is written to docs/notebooks/. Names of
screens or notebooks make only these. Look at what came out before it is committed.
"""

import html
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
IMAGES, PAGES = ROOT / "docs/images", ROOT / "docs/notebooks"
ADDRESS = re.compile(r"http://[\w.]+:\d+[/\w?=.&-]*")
TABLE = ('<div>\n<table border="1" class="dataframe">', '<div style="overflow-x: auto">\n<table class="docutils">')
"""A table of pandas, and what the site's theme makes one that can be scrolled of."""

NOTHING_LOGGED = re.compile(r"<pre style=[^>]*></pre>\n*")
"""What rich, which Kedro logs by, shows in a notebook where it has nothing to say."""

UNBUFFERED = {**os.environ, "PYTHONUNBUFFERED": "1"}
WAIT_S = 180
SETTLING_MS = 8_000
"""For what is drawn after a page has loaded; some ask their server again and again, so that nothing tells the end."""
COLOURS = 192
"""Of a picture: enough for the eye, and a third of the bytes."""


@dataclass(frozen=True)
class Screen:
    """What is photographed. command: what serves it, given `{port}` and `{folder}`; None for a file. path: appended to
    the address, or the file's, from the root. act: what a user does before it is worth a picture. scale: pixels of the
    picture a pixel of the page.
    """

    command: str | None
    path: str = ""
    act: Callable[[Page], object] = lambda page: None
    size: tuple[int, int] = (1280, 800)
    dark: bool = False
    scale: int = 1


def drop_photo(page: Page) -> None:
    """The least sure page of the test images, dropped on the page of the service."""
    import pandas as pd

    unsure = pd.read_csv(ROOT / "data/07_model_output/needs_review.csv").iloc[0]["image_id"]
    (photo,) = (ROOT / "data/01_raw").rglob(unsure)
    page.set_input_files("#file", photo)
    page.wait_for_selector(".card:not(.waiting)", timeout=120_000)
    page.get_by_text("Where it looked").click()
    page.wait_for_function("() => document.querySelector('.photo img').naturalWidth > 100")


def leave_pipelines_alone(page: Page) -> None:
    """Kedro-viz shows a new user around, and has a list and a small map; a picture wants the pipelines alone."""
    page.get_by_text("Dismiss", exact=True).click()
    page.locator(".feature-hints__close").click()
    page.get_by_text("You can revisit these hints").wait_for(state="hidden")
    for button in ("Hide menu", "Turn minimap off", "Reset zoom"):
        page.get_by_label(button, exact=True).click()
    page.mouse.move(40, 400)  # or the name of the last button stays


COMPARE = "/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=compare"
REPORT, REVIEW = "data/08_reporting/report.html", "docsort review {folder}/answers.csv --port {port}"
END_OF_RUN = "{folder}/end_of_run.html"
SCREENS = {
    "report": Screen(None, REPORT),
    "report_dark": Screen(None, REPORT, dark=True),
    "end_of_run": Screen(None, END_OF_RUN, size=(1120, 500), dark=True),
    "kedro_viz": Screen(
        "kedro viz run --no-browser --port {port}", act=leave_pipelines_alone, size=(1500, 1100), scale=2
    ),
    "mlflow": Screen("mlflow ui --port {port}", COMPARE, size=(1500, 600)),
    "serve": Screen("docsort serve --port {port}", act=drop_photo, size=(900, 760)),
    "label_review": Screen("kedro label-review --port {port}"),
    "answer_review_light": Screen(REVIEW),
    "answer_review_dark": Screen(REVIEW, dark=True),
    "watch": Screen(None, "{folder}/watch.html", size=(900, 900)),
}
BEFORE = {
    ("label-review",): ("kedro run --pipelines label_review",),
    ("answers.csv", "watch.html"): (
        "docsort predict data/01_raw/sample/*/test/0* --to {folder}/answers.csv",
        "docsort watch --answers {folder}/answers.csv --to {folder}/watch.html",
    ),
}
"""What must be run before screens that have one of these words."""


def photograph(names: list[str], folder: Path) -> None:
    """Pictures of the screens of these names."""
    wanted = " ".join(f"{name} {SCREENS[name].command} {SCREENS[name].path}" for name in names)
    for words, commands in BEFORE.items():
        for command in commands if any(word in wanted for word in words) else ():
            subprocess.run(_words(command, folder, 0), cwd=ROOT, check=True)
    if END_OF_RUN in wanted:
        write_end_of_run(Path(END_OF_RUN.format(folder=folder)))
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number, name in enumerate(names):
            screen, port = SCREENS[name], 21_000 + os.getpid() % 5_000 + number
            width, height = screen.size
            scheme = "dark" if screen.dark else "light"
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=screen.scale
            )
            with _served(screen, folder, port) as address:
                page.goto(address, timeout=120_000)
                page.wait_for_load_state("load")
                page.wait_for_timeout(SETTLING_MS)
                screen.act(page)
                page.wait_for_timeout(SETTLING_MS)
                save(Image.open(io.BytesIO(page.screenshot())), IMAGES / f"{name}.png")
            page.close()
        browser.close()


def write_end_of_run(path: Path) -> None:
    """What the run in `data/` has said last, as a terminal shows it."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    from docsort.hooks.summary_hooks import HEAVY
    from docsort.reporting.run_summary import READ, tell_run

    bootstrap_project(ROOT)
    with KedroSession.create(ROOT) as session:
        catalog = session.load_context().catalog
        results = {name: None if name in HEAVY else catalog.load(name) for name in READ}
        places = {name: os.path.relpath(catalog[name]._get_load_path(), ROOT) for name in READ}
    text = html.escape("\n".join(["$ uv run kedro run", "…", *tell_run(results, places)]))
    path.write_text(
        "<style>body{background:#16191d;color:#d6dbe1;margin:24px}pre{font:14px/1.5 monospace;white-space:pre-wrap}"
        f"</style><pre>{text}</pre>",
        encoding="utf-8",
    )


@contextmanager
def _served(screen: Screen, folder: Path, port: int) -> Iterator[str]:
    """The address of the screen, for as long as it is wanted."""
    if screen.command is None:
        path = screen.path.format(folder=folder)
        yield (ROOT / path).as_uri()
        return
    log = folder / "served.log"
    with log.open("w") as output:
        words = _words(screen.command, folder, port)
        server = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output, env=UNBUFFERED, start_new_session=True)
    try:
        for _ in range(WAIT_S):
            if (found := ADDRESS.search(log.read_text())) and _is_open(port):
                break
            time.sleep(1)
        else:
            sys.exit(f"Expected {screen.command} to say within {WAIT_S} s where it serves: {log.read_text()}")
        yield found[0] + screen.path
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=60)


def _is_open(port: int) -> bool:
    """Some servers say where they are before they listen."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _words(command: str, folder: Path, port: int) -> list[str]:
    name, *rest = command.format(folder=folder, port=port).split()
    return [str(Path(sys.executable).with_name(name)), *rest]


def save(picture: Image.Image, path: Path) -> None:
    """As PNG with few colours."""
    path.parent.mkdir(exist_ok=True)
    picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def write_notebook(path: Path) -> None:
    """The page of a notebook, run on `data/`."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    notebook.cells = [cell for cell in notebook.cells if not {"parameters", "setup"} & {*cell.metadata.get("tags", [])}]
    text, resources = MarkdownExporter().from_notebook_node(notebook)
    for name, content in resources["outputs"].items():
        picture = f"{path.stem}_{Path(name).stem.removeprefix('output_')}.png"
        save(Image.open(io.BytesIO(content)), IMAGES / picture)
        text = text.replace(f"({name})", f"(../images/{picture})")
    text = re.sub(r"!\[\w+\]", f"![{path.stem}]", text)
    text = re.sub(r"<style scoped>.*?</style>\n?", "", re.sub(r"\x1b\[[\d;]*m", "", text), flags=re.DOTALL)
    text = NOTHING_LOGGED.sub("", text.replace(*TABLE).replace(str(ROOT), ""))
    PAGES.mkdir(exist_ok=True)
    page = "\n".join(line.rstrip() for line in text.splitlines())
    (PAGES / f"{path.stem}.md").write_text(page + "\n", encoding="utf-8")


def main() -> None:
    notebooks = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    names = sys.argv[1:] or [*SCREENS, *notebooks]
    if unknown := [name for name in names if name not in SCREENS and name not in notebooks]:
        sys.exit(f"Expected names among {', '.join([*SCREENS, *notebooks])}, but got {', '.join(unknown)}.")
    with tempfile.TemporaryDirectory(prefix="docsort-pictures-") as folder:
        photograph([name for name in names if name in SCREENS], Path(folder))
    for name in names:
        if name in notebooks:
            write_notebook(notebooks[name])


if __name__ == "__main__":
    main()
