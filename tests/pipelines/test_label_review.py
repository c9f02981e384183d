"""The label review's pipeline, from tables to the page's data and the report; and the command, as a user gives it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro_command import ROOT
from reviewed_job import CLASSES, draw_neighbours, draw_photos, draw_suspects, page_id
from stage import run_stage

from docsort.pipelines.label_review import create_pipeline
from docsort.reviewing.parameters import LabelReviewParameters
from docsort.tables import LEDGER


def run(images: pd.DataFrame) -> tuple[dict[str, Any], str]:
    """Runs the nodes one after the other: the page's data and the report."""
    made = {
        "label_suspects": draw_suspects(),
        "label_neighbours": draw_neighbours(),
        "images": images,
        "label_fixes": pd.DataFrame(columns=list(LEDGER)),
        "classes": CLASSES,
        "params:label_review": LabelReviewParameters(cards=3),
    }
    made = run_stage(create_pipeline(), made)
    return made["label_cards"], made["label_review_report"]


def test_the_pipeline_writes_the_data_of_the_page_and_the_report(tmp_path: Path) -> None:
    cards, report = run(draw_photos(tmp_path))
    assert [card["image_id"] for card in cards["cards"]] == [page_id(k) for k in range(20)]
    assert "The 3 most suspicious are shown." in report


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """`kedro label-review` on the datasets that a run has left, with the ledger of the sample."""
    images = draw_photos(tmp_path)
    cards, _ = run(images)
    (tmp_path / "02_intermediate").mkdir()
    (tmp_path / "08_reporting").mkdir()
    images.to_parquet(tmp_path / "02_intermediate/images.parquet", index=False)
    CLASSES.to_csv(tmp_path / "02_intermediate/classes.csv", index=False)
    (tmp_path / "08_reporting/label_cards.json").write_text(json.dumps(cards))
    options = ["--env", "base", "--params", f"data_root={tmp_path}", "--port", "0", "--name", "Ann"]
    return [sys.executable, "-m", "kedro", "label-review", *options]


@pytest.mark.slow
def test_the_command_serves_what_the_pipeline_wrote_until_ctrl_c(command: list[str]) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(f"{url}api/cards", timeout=20) as reply:
            assert json.load(reply)["total"] == 20
        with urllib.request.urlopen(f"{url}image?id={page_id(0)}", timeout=20) as reply:
            assert reply.headers["content-type"] == "image/jpeg"
        server.send_signal(signal.SIGINT)
        output, _ = server.communicate(timeout=20)
        assert (server.returncode, output) == (130, "Stopped.\n")
    finally:
        server.kill()


@pytest.mark.slow
def test_a_ledger_that_could_not_be_written_back_is_refused_before_anybody_judges(
    command: list[str], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.csv"
    ledger.write_bytes((",".join(LEDGER) + "\n").encode("utf-16"))
    command[command.index("--params") + 1] += f",label_fixes={ledger}"
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert f"Expected {ledger} to be UTF-8" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_before_the_pipeline_has_run_the_command_says_what_is_missing(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "08_reporting/label_cards.json").unlink()
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "Expected dataset `label_cards` to be at" in result.stderr
    assert "Traceback" not in result.stderr
