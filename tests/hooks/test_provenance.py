"""What a run says of where it comes from."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from docsort.hooks import provenance
from docsort.hooks.provenance import data_fingerprint, git_tags, uncommitted_texts

HASHES = ["b" * 64, "a" * 64]


def test_fingerprint_depends_on_contents_only() -> None:
    images = pd.DataFrame({"image_id": ["1", "2"], "sha256": HASHES})
    renamed = pd.DataFrame({"image_id": ["x", "y"], "sha256": HASHES[::-1]})
    changed = pd.DataFrame({"image_id": ["1", "2"], "sha256": ["c" * 64, HASHES[1]]})
    assert data_fingerprint(images) == data_fingerprint(renamed) != data_fingerprint(changed)


def test_git_tags_are_empty_outside_a_checkout(tmp_path: Path) -> None:
    assert git_tags(tmp_path) == {}


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(folder), *arguments]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of which the project is a folder; `local` is ignored."""
    project = tmp_path / "project"
    (project / "local").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("local/\n")
    for name in ("code.py", "other.py"):
        (project / name).write_text("old = 1\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-m", "begin")
    return project


def test_a_clean_checkout_and_no_checkout_have_no_changes(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (checkout / "local" / "token.yml").write_text("secret")
    assert uncommitted_texts(checkout) == {}
    assert uncommitted_texts(tmp_path_factory.mktemp("no checkout")) == {}


def test_the_diff_holds_what_was_changed_staged_or_not_and_of_new_files_the_names_alone(checkout: Path) -> None:
    (checkout / "code.py").write_text("new = 1\n")
    (checkout / "other.py").write_text("staged = 1\n")
    git(checkout, "add", "other.py")
    (checkout / "사진.py").write_text("unseen = 1\n")
    (checkout.parent / "beside.py").write_text("unseen = 1\n")
    texts = uncommitted_texts(checkout)
    assert "-old = 1\n+new = 1\n" in texts["uncommitted.diff"]
    assert "+staged = 1\n" in texts["uncommitted.diff"]
    assert set(texts["untracked.txt"].split()) == {"project/사진.py", "beside.py"}
    assert "unseen" not in str(texts)


def test_what_is_ignored_is_never_kept_also_where_it_was_added_by_force(checkout: Path) -> None:
    token = checkout / "local" / "token[1].yml"
    token.write_text("secret: 1\n")
    git(checkout, "add", "-f", str(token))
    (checkout / "code.py").write_text("new = 1\n")
    texts = uncommitted_texts(checkout)
    assert set(texts) == {"uncommitted.diff"}
    assert "secret" not in texts["uncommitted.diff"]
    git(checkout, "commit", "-m", "a mistake", str(token))
    token.write_text("secret: 2\n")
    assert "secret" not in uncommitted_texts(checkout)["uncommitted.diff"]


def test_a_long_diff_is_cut_and_says_so(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "DIFF_LIMIT", 500)
    (checkout / "code.py").write_text("a line\n" * 100_000)
    diff = uncommitted_texts(checkout)["uncommitted.diff"]
    assert len(diff) < 600
    assert diff.endswith("The diff is longer than 500 bytes; the rest was not kept.\n")
