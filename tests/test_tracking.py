"""Tracker: what is written is read back through MLflow, and no server can stop a run."""

import json
import logging
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from docsort.errors import InputError
from docsort.experiment_page import COLUMNS, compare_address
from docsort.mlflow_client import artifact_root
from docsort.mlflow_entries import flatten
from docsort.process_names import machine_name, process_name
from docsort.tracking import FAILED, FINISHED, Tracker, tracking_is_on


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One project folder, because MLflow needs seconds to create its database."""
    return tmp_path_factory.mktemp("a project")


@pytest.fixture
def tracker(root: Path, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Tracker(root)


def runs(tracker: Tracker, query: str = "") -> list[Any]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracker.uri)
    experiment = client.get_experiment_by_name("docsort")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], query))


def run_named(tracker: Tracker, name: str) -> Any:
    (run,) = [run for run in runs(tracker) if run.info.run_name == name]
    return run


def test_flatten_joins_keys_with_dots_and_keeps_lists() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [1, 2]}}, "e": None}) == {"a.b": 1, "a.c.d": [1, 2], "e": None}


def test_a_run_is_read_back_as_it_was_written(tracker: Tracker, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    params = {f"p.{index}": index for index in range(230)} | {"long": "x" * 2000, "odd name: [1]": "y"}
    page = tmp_path / "page.txt"
    page.write_text("page")
    tracker.start("train", {"git_commit": "abc"}, params)
    tracker.log_metrics({"validation.macro_f1": 0.75, "bad": float("nan")})
    tracker.set_tags({f"tag.{index}": index for index in range(150)})
    tracker.log_file(page, "figures")
    tracker.log_written("drawn.txt", "figures", lambda path: path.write_text("drawn"))
    tracker.end(FINISHED)

    run = run_named(tracker, "train")
    assert run.info.status == "FINISHED"
    assert len(run.data.params) == 232
    assert run.data.params["p.229"] == "229"
    assert run.data.params["long"] == "x" * 499 + "…"
    assert run.data.params["odd name_ _1_"] == "y"
    assert run.data.metrics["validation.macro_f1"] == 0.75
    assert run.data.tags["git_commit"] == "abc"
    assert run.data.tags["tag.149"] == "149"
    client = MlflowClient(tracker.uri)
    artifacts = {Path(entry.path).name for entry in client.list_artifacts(run.info.run_id, "figures")}
    assert artifacts == {"page.txt", "drawn.txt"}


def test_children_hang_below_their_parent_with_a_value_an_epoch(tracker: Tracker) -> None:
    from mlflow.tracking import MlflowClient

    history = [(epoch, {"train_loss": 1 / epoch, "lr": 0.1}) for epoch in range(1, 801)]
    tracker.start("with children", {}, {})
    parent = tracker.run_id
    tracker.log_child("fold_0", history, {"fold": 0}, seconds=60)
    tracker.end(FAILED)

    (child,) = runs(tracker, f"tags.mlflow.parentRunId = '{parent}'")
    assert (child.info.run_name, child.info.status, child.data.tags["fold"]) == ("fold_0", "FINISHED", "0")
    assert 59_000 < child.info.end_time - child.info.start_time < 80_000
    losses = MlflowClient(tracker.uri).get_metric_history(child.info.run_id, "train_loss")
    assert [(entry.step, entry.value) for entry in sorted(losses, key=lambda entry: entry.step)] == [
        (epoch, metrics["train_loss"]) for epoch, metrics in history
    ]
    assert run_named(tracker, "with children").info.status == "FAILED"


def steps(tracker: Tracker, run_id: str, key: str) -> list[tuple[int, float]]:
    from mlflow.tracking import MlflowClient

    return sorted((entry.step, entry.value) for entry in MlflowClient(tracker.uri).get_metric_history(run_id, key))


def test_a_child_is_there_while_it_is_written_to(tracker: Tracker) -> None:
    tracker.start("live", {}, {})
    tracker.open_child("fold_0", {"fold": 0}, {"backbone": "lcnet_035"})
    tracker.log_child_epochs("fold_0", [(1, {"train_loss": 0.5, "gpu_memory_mb": float("nan")})])
    query = f"tags.mlflow.parentRunId = '{tracker.run_id}'"
    (child,) = runs(tracker, query)
    assert (child.info.run_name, child.info.status) == ("fold_0", "RUNNING")
    assert (child.data.metrics, child.data.params) == ({"train_loss": 0.5}, {"backbone": "lcnet_035"})
    tracker.end_child("fold_0", FAILED, {"error": "a page"})
    tracker.end_child("fold_0", FINISHED)
    tracker.end(FINISHED)
    (child,) = runs(tracker, query)
    assert (child.info.status, child.data.tags["error"], child.data.tags["fold"]) == ("FAILED", "a page", "0")


def test_a_history_completes_the_child_of_its_name_and_makes_no_second(tracker: Tracker) -> None:
    tracker.start("completed", {}, {})
    tracker.open_child("fold_0", {}, {})
    tracker.log_child_epochs("fold_0", [(1, {"train_loss": 0.5})])
    for _ in range(2):
        tracker.log_child("fold_0", [(1, {"train_loss": 9.0}), (2, {"train_loss": 0.25})], {"fold": 0}, 1.0)
    parent = tracker.run_id
    tracker.end(FINISHED)
    (child,) = runs(tracker, f"tags.mlflow.parentRunId = '{parent}'")
    assert child.info.status == "FINISHED"
    assert steps(tracker, child.info.run_id, "train_loss") == [(1, 0.5), (2, 0.25)]


def test_children_of_the_next_run_are_its_own(tracker: Tracker) -> None:
    for name in ("first of two", "second of two"):
        tracker.start(name, {}, {})
        tracker.log_child("fold_0", [(1, {"train_loss": 0.5})], {}, 1.0)
        tracker.end(FINISHED)
        assert len(runs(tracker, f"tags.mlflow.parentRunId = '{run_named(tracker, name).info.run_id}'")) == 1


def test_a_child_that_nobody_ends_is_killed_with_its_parents_end(tracker: Tracker) -> None:
    tracker.start("left children", {}, {})
    parent = tracker.run_id
    tracker.open_child("fold_0", {}, {})
    tracker.open_child("fold_1", {}, {})
    tracker.end_child("fold_1", FINISHED)
    tracker.end(FAILED)
    found = runs(tracker, f"tags.mlflow.parentRunId = '{parent}'")
    assert {run.info.run_name: run.info.status for run in found} == {"fold_0": "KILLED", "fold_1": "FINISHED"}


def test_a_kept_training_has_no_child_run_whatever_is_told_of_it(tracker: Tracker) -> None:
    tracker.start("kept", {}, {})
    parent = tracker.run_id
    tracker.keep("fold_1")
    tracker.keep("fold_0")
    tracker.open_child("fold_0", {}, {})
    tracker.log_child("fold_1", [(1, {"train_loss": 0.5})], {}, 1.0)
    tracker.log_child("fold_2", [(1, {"train_loss": 0.5})], {}, 1.0)
    tracker.end(FINISHED)
    assert [run.info.run_name for run in runs(tracker, f"tags.mlflow.parentRunId = '{parent}'")] == ["fold_2"]
    assert run_named(tracker, "kept").data.tags["kept_trainings"] == "fold_0, fold_1"


def test_the_experiment_offers_a_view_whose_columns_are_what_a_run_has(tracker: Tracker) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracker.uri)
    tracker.start("viewed", {}, {})
    experiment = client.get_experiment_by_name("docsort")
    assert experiment is not None
    view = json.loads(experiment.tags["mlflow.sharedViewState.compare"])
    assert (view["name"], json.loads(view["state"])["selectedColumns"]) == ("Compare", list(COLUMNS))
    assert tracker.address == compare_address(tracker.uri, experiment.experiment_id)
    client.set_experiment_tag(experiment.experiment_id, "mlflow.note.content", "ours")
    client.set_experiment_tag(experiment.experiment_id, "mlflow.sharedViewState.compare", "{}")
    tracker.start("viewed again", {}, {})
    tracker.end(FINISHED)
    tags = client.get_experiment(experiment.experiment_id).tags
    assert tags["mlflow.note.content"] == "ours"  # a person's own text stays
    assert json.loads(tags["mlflow.sharedViewState.compare"]) == view


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sqlite:////data/mlflow.db", "http://127.0.0.1:5000/#/experiments/3/runs?"),
        ("https://runs.example/", "https://runs.example/#/experiments/3/runs?"),
    ],
)
def test_the_view_has_a_link_at_the_server_or_at_a_bare_ui(uri: str, address: str) -> None:
    assert compare_address(uri, "3") == f"{address}workflowType=machine_learning&viewStateShareKey=compare"


def test_another_experiment_may_be_named(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "night")
    tracker.start("elsewhere", {}, {})
    tracker.end(FINISHED)
    experiment = MlflowClient(tracker.uri).get_experiment_by_name("night")
    assert experiment is not None
    assert [run.info.run_name for run in MlflowClient(tracker.uri).search_runs([experiment.experiment_id])] == [
        "elsewhere"
    ]


def test_the_machine_is_watched_until_the_run_ends(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "true")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    tracker.start("watched", {}, {})
    deadline = time.monotonic() + 30
    while "system/cpu_utilization_percentage" not in run_named(tracker, "watched").data.metrics:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "SystemMetricsMonitor" in {thread.name for thread in threading.enumerate()}
    tracker.end(FINISHED)
    assert "SystemMetricsMonitor" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("sqlite:////data/mlflow.db", "/data/mlruns"),  # and not at the project, where nobody would look for them
        ("sqlite:////project/mlflow.db", "/project/mlruns"),
        ("postgresql://host/base", "/project/mlruns"),
        ("http://host:5000", None),
    ],
)
def test_artifacts_lie_beside_a_database_that_is_a_file(uri: str, root: str | None) -> None:
    assert artifact_root(uri, Path("/project")) == (root and Path(root))


def test_local_artifacts_lie_below_mlruns_at_the_root(tracker: Tracker, root: Path) -> None:
    tracker.start("local", {}, {})
    tracker.log_written("here.txt", "figures", lambda path: path.write_text("here"))
    run_id = tracker.run_id
    tracker.end(FINISHED)
    assert (root / "mlflow.db").is_file()
    assert (root / "mlruns" / "docsort" / str(run_id) / "artifacts" / "figures" / "here.txt").read_text() == "here"


def test_threads_may_write_at_once(tracker: Tracker) -> None:
    tracker.start("threads", {}, {})
    parent = tracker.run_id
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: tracker.log_child(f"fold_{i}", [(1, {"f1": float(i)})], {}, 1.0), range(16)))
    tracker.end(FINISHED)
    children = runs(tracker, f"tags.mlflow.parentRunId = '{parent}'")
    assert {child.info.run_name: child.data.metrics["f1"] for child in children} == {f"fold_{i}": i for i in range(16)}


@pytest.fixture
def dying_server() -> Iterator[tuple[int, list[str]]]:
    """A port that hangs up on whoever calls, and who called so far."""
    calls: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                caller, address = listener.accept()
                calls.append(str(address))
                caller.close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    yield listener.getsockname()[1], calls
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def test_a_dead_server_is_called_twice_and_costs_one_warning(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    dying_server: tuple[int, list[str]],
) -> None:
    port, calls = dying_server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:secret@127.0.0.1:{port}")
    tracker = Tracker(root)
    with caplog.at_level(logging.WARNING, logger="docsort"):
        tracker.start("train", {}, {"a": 1})
        tracker.log_child("fold_0", [(1, {"f1": 1.0})], {}, 1.0)
        tracker.end(FINISHED)
    assert len(calls) == 2
    (warning,) = [record.getMessage() for record in caplog.records if record.name == "docsort.tracking"]
    assert f"MLflow at http://127.0.0.1:{port} failed" in warning
    assert "this run goes on without being tracked" in warning
    assert "secret" not in warning


def test_a_server_that_dies_midway_is_told_once_and_asked_no_more(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tracker.start("dies", {}, {})
    calls: list[str] = []

    def die(*_: object, **__: object) -> None:
        calls.append("call")
        raise ConnectionError("gone")

    monkeypatch.setattr(tracker._client, "log_batch", die)
    with caplog.at_level(logging.WARNING, logger="docsort"):
        for _ in range(3):
            tracker.log_metrics({"a": 1.0})
        tracker.end(FINISHED)
    assert len(calls) == len(caplog.records) == 1
    assert tracker.run_id is None


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes every call and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_hangs_is_waited_for_once_and_costs_one_warning(
    root: Path, silent_server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    monkeypatch.setattr("docsort.mlflow_client.LIMIT_S", 1)
    tracker = Tracker(root)
    start = time.monotonic()
    tracker.start("train", {}, {"a": 1})
    tracker.log_child("fold_0", [(1, {"f1": 1.0})], {}, 1.0)
    tracker.end(FINISHED)
    assert time.monotonic() - start < 4
    assert caplog.text.count("goes on without being tracked") == 1
    assert "TimeoutError: no answer within 1 s" in caplog.text


def test_a_database_that_somebody_holds_locked_is_waited_for_once(
    tracker: Tracker, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("docsort.mlflow_client.LIMIT_S", 1)
    tracker.start("locked out", {}, {})
    with closing(sqlite3.connect(root / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        start = time.monotonic()
        tracker.log_metrics({"a": 1.0})
        tracker.end(FINISHED)
        assert time.monotonic() - start < 4
        other.execute("ROLLBACK")
    assert caplog.text.count("goes on without being tracked") == 1


def test_runs_of_killed_processes_are_closed_by_the_next_with_their_children_and_no_others(
    tracker: Tracker, root: Path
) -> None:
    gone = {"docsort.process": "4194303 1.00"}
    tracker.start("left open", {}, {})
    client, experiment = tracker._client, tracker._experiment_id
    open_run = tracker.run_id
    left = {
        "killed": gone,
        "killed child": {**gone, "mlflow.parentRunId": "killed"},
        "of another machine": {**gone, "docsort.machine": "another"},
        "of a living process": {"docsort.process": process_name()},
        "of a process nobody can name": {"docsort.process": "?"},
    }
    for name, tags in left.items():
        client.create_run(experiment, run_name=name, tags={"docsort.machine": machine_name(), **tags})
    client.create_run(experiment, run_name="of another program")
    Tracker(root).start("next", {}, {})
    found = {run.info.run_name: run.info.status for run in runs(tracker)}
    assert {name for name in left if found[name] == "KILLED"} == {"killed", "killed child"}
    assert found["of another program"] == "RUNNING"
    assert client.get_run(open_run).info.status == "RUNNING"
    for name in (*left, "of another program", "next"):
        client.set_terminated(run_named(tracker, name).info.run_id)
    tracker.end(FINISHED)


def test_a_file_in_the_way_of_the_database_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(b"not a database, whatever its name says" * 100)
    Tracker(tmp_path).start("train", {}, {})
    assert "goes on without being tracked" in caplog.text


def test_the_switch_takes_on_and_off_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCSORT_TRACKING", raising=False)
    assert tracking_is_on()
    monkeypatch.setenv("DOCSORT_TRACKING", "off")
    assert not tracking_is_on()
    monkeypatch.setenv("DOCSORT_TRACKING", "no")
    with pytest.raises(InputError, match="Expected DOCSORT_TRACKING to be on or off, but got 'no'"):
        tracking_is_on()


@pytest.mark.slow
def test_a_run_that_nobody_closes_is_marked_as_killed(tracker: Tracker, root: Path) -> None:
    code = (
        "import pathlib, sys, docsort.tracking; t = docsort.tracking.Tracker(pathlib.Path(sys.argv[1]))\n"
        "t.start('left', {}, {}); t.open_child('left fold', {}, {})"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)
    assert run_named(tracker, "left").info.status == "KILLED"
    assert run_named(tracker, "left fold").info.status == "KILLED"


@contextmanager
def mlflow_ui(folder: Path) -> Iterator[str]:
    """`mlflow ui` as a user starts it in a folder, but on a free port; ended with all it started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    # One process that answers, no runner for jobs: each of them imports MLflow, which takes seconds.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    command = [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    log = folder / "ui.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, start_new_session=True, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 240
        while not _answers(f"{address}/health"):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def _answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=5).status == 200)
    except OSError:
        return False


def ask(url: str, question: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))


def record(tracker: Tracker) -> None:
    tracker.start("train", {}, {"seed": 1})
    tracker.log_child("fold_0", [(1, {"test_like_macro_f1": 0.5})], {"fold": 0}, 1.0)
    tracker.log_metrics({"validation.macro_f1": 0.5})
    tracker.log_written("bars.html", "figures", lambda path: path.write_text("<p>bars</p>"))
    tracker.end(FINISHED)


def check_through_rest(address: str) -> None:
    api = f"{address}/api/2.0/mlflow"
    experiments = ask(f"{api}/experiments/search", {"max_results": 10})["experiments"]
    (docsort,) = [experiment for experiment in experiments if experiment["name"] == "docsort"]
    found = ask(f"{api}/runs/search", {"experiment_ids": [docsort["experiment_id"]]})["runs"]
    by_name = {run["info"]["run_name"]: run for run in found}
    assert set(by_name) == {"train", "fold_0"}
    tags = {tag["key"]: tag["value"] for tag in by_name["fold_0"]["data"]["tags"]}
    parent = by_name["train"]["info"]["run_id"]
    assert tags["mlflow.parentRunId"] == parent
    page = urllib.request.urlopen(f"{address}/get-artifact?path=figures/bars.html&run_uuid={parent}", timeout=30).read()
    assert page == b"<p>bars</p>"


@pytest.mark.slow
def test_a_bare_mlflow_ui_at_the_root_lists_parent_and_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlruns").mkdir()
    (tmp_path / "mlruns" / ".gitkeep").touch()
    record(Tracker(tmp_path))
    with mlflow_ui(tmp_path) as address:
        check_through_rest(address)


@pytest.mark.slow
def test_a_remote_server_gets_runs_metrics_and_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, project = tmp_path / "server", tmp_path / "project"
    server.mkdir()
    project.mkdir()
    with mlflow_ui(server) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        record(Tracker(project))
        check_through_rest(address)
    assert list(project.iterdir()) == []
