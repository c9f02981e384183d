"""Where a run comes from: program, versions, data, and the code down to what is not committed."""

import getpass
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docsort.versions import versions_of

if TYPE_CHECKING:
    import pandas as pd


def data_fingerprint(images: "pd.DataFrame") -> str:
    """64 hexadecimal digits that depend on the files' contents only, not on their names, labels or order."""
    return sha256("\n".join(sorted(images["sha256"])).encode()).hexdigest()


GIT = ("git", "--no-optional-locks", "-c", "core.quotePath=false")
"""Never in the way of the user's own git, and writes names in all alphabets as they are."""
GIT_LIMIT_S = 30
"""Seconds; a checkout on a disk that is far away takes long."""
DIFF_LIMIT = 4 * 2**20
"""Bytes of uncommitted changes that are kept."""
PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv")
"""Options of a diff that no setting of the user's changes, and that runs no other program."""


def git_tags(project_path: Path) -> dict[str, str]:
    """The commit the code was at, and whether it was changed since; empty outside a git checkout."""
    try:
        commit = _git(project_path, "rev-parse", "HEAD")
        dirty = bool(_git(project_path, "status", "--porcelain"))
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": commit, "git_commit": commit, "git_dirty": str(dirty).lower()}


def uncommitted_texts(project_path: Path) -> dict[str, str]:
    """What makes the code differ from its commit: `uncommitted.diff`, and the names, not the contents, of new files in
    `untracked.txt`; empty where nothing does, and outside a git checkout.

    What git is told to ignore is in neither, also where someone has added it nevertheless.
    """
    try:
        listed = ("ls-files", "--exclude-standard", "--full-name")
        ignored = _git(project_path, *listed, "-z", "--cached", "--ignored", ":/")
        without = [f":(top,exclude,literal){name}" for name in ignored.split("\0") if name]
        diff = _beginning(project_path, "diff", "HEAD", *PLAIN, "--", ":/", *without)
        untracked = _git(project_path, *listed, "--others", ":/")
    except (OSError, subprocess.SubprocessError):
        return {}
    texts = {"uncommitted.diff": diff, "untracked.txt": untracked}
    return {name: text for name, text in texts.items() if text.strip()}


def _beginning(project_path: Path, *arguments: str) -> str:
    """Output of git, cut where it is too long to keep, with a sentence that says so."""
    command = [*GIT, "-C", str(project_path), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        output = process.stdout.read(DIFF_LIMIT + 1)
        if whole := len(output) <= DIFF_LIMIT:
            process.wait()
        else:
            process.kill()
    if whole and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    text = output[:DIFF_LIMIT].decode(errors="replace")
    return text if whole else f"{text}\nThe diff is longer than {DIFF_LIMIT} bytes; the rest was not kept.\n"


def _git(project_path: Path, *arguments: str) -> str:
    command = [*GIT, "-C", str(project_path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True, timeout=GIT_LIMIT_S)
    return done.stdout.strip()


def program_tags() -> dict[str, str]:
    """Who ran what, with which versions of the packages that decide about scores."""
    versions = versions_of(("docsort", "torch", "timm", "kedro"))
    try:
        user = {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):  # a container's user without a name
        user = {}
    # Of a longer text MLflow's table shows what is behind the last slash.
    program = " ".join(Path(text).name for text in sys.argv[:2])
    return {"mlflow.source.name": program, "command": command_line(), "mlflow.source.type": "LOCAL", **user} | {
        f"version_of.{name}": version for name, version in versions.items()
    }


def command_line() -> str:
    """What was typed, the program by its name."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def run_settings(run_params: Mapping[str, Any]) -> dict[str, Any]:
    """What `kedro run` was told, as `kedro.<name>`, without what was left open or is told elsewhere."""
    elsewhere = {"project_path", "runtime_params", "pipeline_names", "runner"}
    return {f"kedro.{name}": value for name, value in run_params.items() if value and name not in elsewhere}
