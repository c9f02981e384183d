"""Every command of the documentation is one that there is, with options that it has; and it does what it says."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from documented_commands import ROOT, Documented, documented_commands
from kedro_command import Run

from docsort.cli import cli
from docsort.commands.main import docsort

COMMANDS = tuple(documented_commands())

NOT_RUN = {
    r"^docker ": "wants a container engine",
    r"^(pip install|sync)": "changes the environment of the tests",
    r"^pytest": "is what runs this",
    r"backbone=efficientnet_b0,pretrained=true": "wants the hub",
    r"--env competition": "wants a GPU",
    r"^python benchmarks/": "is run in its quick form by tests/benchmarks",
    r"members.reading.enabled": "is run by tests/reading",
    r"docsort (experiments|search)": "is run by tests/project/test_experiments.py",
    r"^ray |/shared/": "wants several machines, as tests/project/test_cluster_run.py has them",
    r"s3://|boto3": "wants a bucket, as tests/serving/test_remote_pages.py and test_mlflow_server.py have one",
    r"ipython|jupyter|kedro package": "is run by tests/project/test_shell.py and tests/serving/test_wheel.py",
}
"""Of commands that the test of all leaves out: what tells them, and why."""

SERVES = re.compile(
    r"kedro viz|mlflow ui|mlflow models serve|docsort serve|label-review|docsort review \S+( --ensemble \S+)?$"
)
ADDRESS = re.compile(r"http://[\w.]+:\d+")


def left_out(command: Documented) -> bool:
    return any(re.search(pattern, command.typed) for pattern in NOT_RUN)


def test_commands_are_found_on_many_pages() -> None:
    assert len({command.page for command in COMMANDS}) >= 12
    assert "kedro run --pipeline train" in {command.typed for command in COMMANDS}
    for pattern in NOT_RUN:
        assert any(re.search(pattern, command.typed) for command in COMMANDS), pattern


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_documented_command_and_its_options_are_there(command: Documented) -> None:
    program, *words = shlex.split(command.typed)
    found: click.Command | None = {"docsort": docsort, "kedro": cli}.get(program)
    while isinstance(found, click.Group):
        found = found.commands.get(words.pop(0))
    if found is None:
        assert program != "docsort", command
        return  # another program's, or a command of Kedro itself
    known = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert given <= known | {"--help"}, f"{command}: {given - known} of {sorted(known)}"


@pytest.fixture(scope="module")
def project(smoke_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the small settings of the smoke environment as this user's own, and photos beside it."""
    folder = tmp_path_factory.mktemp("reader") / "project"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("parameters.yml", "globals.yml"):
        shutil.copy(ROOT / "conf/smoke" / name, folder / "conf/local" / name)
    (sample,) = (smoke_run.data_root / "01_raw/sample").iterdir()
    shutil.copytree(sample, folder.parent / "competition")
    by_class(sample, folder.parent / "class_folders")
    photos = sorted((sample / "test").iterdir())[:6]
    for place in (folder.parent / "new", folder / "scans", folder / "inbox", folder / "photos"):
        place.mkdir()
        for photo in photos:
            shutil.copy(photo, place)
    shutil.copy(photos[0], folder / "page.jpg")
    from PIL import Image

    for scan in (folder / "scan.pdf", folder / "inbox/a.pdf"):
        Image.open(photos[1]).convert("RGB").save(scan)
    return folder


def by_class(sample: Path, folder: Path) -> None:
    """The training photos again, one folder per class."""
    import pandas as pd

    for image_id, target in pd.read_csv(sample / "train.csv").itertuples(index=False):
        (folder / f"종류 {target}").mkdir(parents=True, exist_ok=True)
        shutil.copy(sample / "train" / image_id, folder / f"종류 {target}")


class Reader:
    """Types commands in a project, one after the other; what serves goes on until another does, or the page ends."""

    def __init__(self, project: Path) -> None:
        self.project, self.serving = project, list[subprocess.Popen[str]]()
        tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": tools, "COLUMNS": "200", "PYTHONUNBUFFERED": "1", "BROWSER": "true"}
        self.environment.pop("MLFLOW_TRACKING_URI", None)

    def type(self, command: Documented) -> str | None:
        """What went wrong, or None."""
        layout = "class_folders" if "class_folders" in command.text else "competition"
        photos = self.project.parent / "photos"
        photos.unlink(missing_ok=True)
        photos.symlink_to(self.project.parent / layout)
        text = command.typed.replace("ensemble:<version>", f"ensemble:{self.newest_ensemble()}")
        text = text.replace("preset=good", "preset=quick")  # which would take the half of an hour
        return self.serve(text) if SERVES.search(text) else self.run(text)

    def newest_ensemble(self) -> str:
        found = sorted((self.project / "data/06_models/ensemble").glob("*"))
        return found[-1].name if found else ""

    def run(self, text: str) -> str | None:
        done = subprocess.run(
            text,
            shell=True,
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        return None if done.returncode == 0 else f"{done.stdout[-1500:]}\n{done.stderr[-1500:]}"

    def serve(self, text: str) -> str | None:
        self.leave()
        log = self.project / "served.log"
        with log.open("w") as output:
            self.serving.append(
                subprocess.Popen(
                    text, shell=True, cwd=self.project, env=self.environment, stdout=output, stderr=output,
                    text=True, start_new_session=True,
                )
            )  # fmt: skip
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            if ADDRESS.search(log.read_text()):
                return None
            if self.serving[-1].poll() is not None:
                break
            time.sleep(0.5)
        return log.read_text()[-3000:]

    def leave(self) -> None:
        """Ends what serves; what ended by itself must have done so well."""
        ended, self.serving = self.serving, []
        for server in ended:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(timeout=60)
            else:
                assert server.returncode == 0, (self.project / "served.log").read_text()[-3000:]


@pytest.fixture(scope="module")
def reader(project: Path) -> Iterator[Reader]:
    typed = Reader(project)
    yield typed
    typed.leave()


@pytest.mark.slow
@pytest.mark.parametrize("page", dict.fromkeys(command.page for command in COMMANDS))
def test_the_commands_of_a_page_do_what_they_say(page: str, reader: Reader) -> None:
    wrong = {}
    try:
        for command in COMMANDS:
            if command.page == page and not left_out(command) and (problem := reader.type(command)) is not None:
                wrong[str(command)] = problem
    finally:
        reader.leave()
    assert wrong == {}, "\n\n".join(f"{command}\n{problem}" for command, problem in wrong.items())
