"""The leaderboard is in MLflow, beside the runs that it compares."""

from pathlib import Path

import pytest
from tiny_runs import TinyPlace, planned

from docsort.commands.leaderboard import keep_leaderboard
from docsort.experiments.driver import Driver
from docsort.experiments.leaderboard import make_leaderboard
from docsort.experiments.queue import Queue
from docsort.mlflow_client import open_client


@pytest.mark.parametrize("tracking", ["on", "off"])
def test_its_sentences_and_files_are_a_run(tracking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("DOCSORT_TRACKING", tracking)
    queue = Queue(tmp_path / "queue")
    queue.add([planned("a"), planned("b")])
    Driver(queue, tmp_path, TinyPlace()).work(1)
    keep_leaderboard(queue, tmp_path)
    assert (queue.folder / "leaderboard.html").is_file()
    if tracking == "off":
        assert not (tmp_path / "mlflow.db").exists()
        return
    client = open_client(uri)
    (experiment,) = (each for each in client.search_experiments() if each.name == "docsort")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "leaderboard of 2 · sample · queue"
    assert run.data.tags["mlflow.note.content"] == "\n\n".join(make_leaderboard(queue).lines())
    files = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "leaderboard")}
    assert files == {"leaderboard.html", "leaderboard.csv", "leaderboard.json"}
