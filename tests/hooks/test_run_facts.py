"""The report knows which run wrote it, wherever the code lies."""

import subprocess
import sys
from pathlib import Path

import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline, node

from docsort.hooks.run_facts import FACTS, RunFactsHooks, run_facts


def pipeline_that_reads(name: str) -> Pipeline:
    return Pipeline([node(lambda facts: facts, name, "told", name="tell")])


def test_the_facts_are_written_before_a_run_that_reads_them_and_before_no_other() -> None:
    for name in (FACTS, "images"):
        catalog = DataCatalog({FACTS: MemoryDataset(), "images": MemoryDataset()})
        RunFactsHooks().before_pipeline_run(pipeline=pipeline_that_reads(name), catalog=catalog)
        assert catalog.exists(FACTS) == (name == FACTS)


def test_date_command_and_commit_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bin/kedro", "run", "--params", "seed=1"])
    outside = run_facts(tmp_path)
    assert outside["command"] == "kedro run --params seed=1"
    assert outside["commit"] == ""
    assert outside["began"][:4].isdigit()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    clean = run_facts(tmp_path)["commit"]
    assert len(clean) == 10
    (tmp_path / "new.py").touch()
    assert run_facts(tmp_path)["commit"] == f"{clean}, with changes"
