"""What a run says of where it comes from."""

from pathlib import Path

import pandas as pd

from docsort.hooks.provenance import data_fingerprint, git_tags

HASHES = ["b" * 64, "a" * 64]


def test_fingerprint_depends_on_contents_only() -> None:
    images = pd.DataFrame({"image_id": ["1", "2"], "sha256": HASHES})
    renamed = pd.DataFrame({"image_id": ["x", "y"], "sha256": HASHES[::-1]})
    changed = pd.DataFrame({"image_id": ["1", "2"], "sha256": ["c" * 64, HASHES[1]]})
    assert data_fingerprint(images) == data_fingerprint(renamed) != data_fingerprint(changed)


def test_git_tags_are_empty_outside_a_checkout(tmp_path: Path) -> None:
    assert git_tags(tmp_path) == {}
