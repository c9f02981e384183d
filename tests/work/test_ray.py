"""The executor on Ray: how it comes to a cluster, what it asks of machines, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from errands import visible_gpus

from docsort.errors import InputError
from docsort.work import ray_cluster, ray_start
from docsort.work.devices import Lease, Needs
from docsort.work.ray import RayExecutor, gpu_share, gpus_for
from docsort.work.ray_cluster import Node
from docsort.work.ray_node import MARKER, Expected, own_versions

HANG_S = 60
"""By then something hangs."""


def nodes(*gpus: int) -> list[Node]:
    return [Node(str(number), f"machine {number}", 4, count) for number, count in enumerate(gpus)]


def test_without_ray_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"^Expected Ray, but .* 'docsort\[ray\]'.*\.$"):
        RayExecutor().workers  # noqa: B018


@pytest.mark.parametrize("address", ["head", ":6379", "head:port", "ray://head"])
def test_an_address_that_is_none_is_refused_in_one_sentence(address: str) -> None:
    with pytest.raises(
        InputError, match=r"^Expected the address of a Ray cluster as host:port, for example .*, but got"
    ):
        ray_start.joined(address)


def test_where_nobody_answers_one_sentence_says_so_at_once() -> None:
    """Ray itself would try for a minute, and then end the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(
            InputError, match=rf"^Expected the head node of a Ray cluster at {address}, but nobody .*head`"
        ):
            ray_start.joined(f"ray://{address}")


def test_a_cluster_that_is_gone_is_not_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert ray_start.running_here() is None
    (tmp_path / "ray").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        (tmp_path / "ray/ray_current_cluster").write_text(address)
        assert ray_start.running_here() == address
    assert ray_start.running_here() is None


def test_folders_of_runs_that_were_killed_are_removed_and_no_others(tmp_path: Path) -> None:
    of_another_run = ray_start.new_folder(tmp_path)
    for name in (f"{ray_start.TEMPORARY}killed", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ray_start.LOCK).touch()
    own = ray_start.new_folder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([of_another_run, tmp_path / "mine", own])


def test_gpus_are_meant_as_the_parameters_say() -> None:
    assert (
        gpus_for(Needs("auto"), nodes(0, 0)) == gpus_for(Needs("cpu"), nodes(0, 4)) == gpus_for(Needs(), nodes(4)) == []
    )
    assert gpus_for(Needs("auto"), nodes(0, 2, 4)) == gpus_for(Needs("cuda", 4), nodes(0, 2, 4)) == [2, 4]


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (Needs("cuda"), "Expected 1 GPUs on one machine, but the largest of the Ray cluster has 0"),
        (Needs("cuda", 3), "Expected 3 GPUs on one machine, but the largest of the Ray cluster has 0"),
        (Needs("cuda:1"), "as Ray chooses which GPU, but got 'cuda:1'"),
    ],
)
def test_a_gpu_that_cannot_be_had_is_one_sentence_and_no_endless_wait(needs: Needs, said: str) -> None:
    with pytest.raises(InputError, match=said):
        gpus_for(needs, nodes(0, 0))
    assert gpus_for(Needs("cuda", 2), nodes(1, 2)) == [1, 2]


@pytest.mark.parametrize("text", ["0", "2", "-1", "half", ""])
def test_a_senseless_share_of_a_gpu_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_GPU_SHARE", text)
    with pytest.raises(
        InputError, match=f"^Expected DOCSORT_GPU_SHARE to be above 0 and at most 1, but got '{text}'.$"
    ):
        gpu_share()


def test_a_machine_is_like_this_one_only_with_the_same_packages_and_the_same_folder(tmp_path: Path) -> None:
    versions, marker = own_versions(), tmp_path / MARKER
    marker.parent.mkdir()
    marker.write_text("this one")
    assert Expected(tuple(versions.items()), ((str(tmp_path), "this one"),)).problems() == []
    other = {**versions, "torch": "0.1"}
    assert Expected(tuple(other.items()), ()).problems() == [f"has torch {versions['torch']} and not 0.1"]
    for folder, text in ((tmp_path, "another one"), (tmp_path / "absent", "this one")):
        assert Expected((), ((str(folder), text),)).problems() == [f"does not see {folder}"]


def test_a_machine_that_does_not_see_the_folder_is_named_before_any_work(
    on_ray: RayExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_ray.must_see(tmp_path / "seen")
    assert on_ray.submit(abs, -1).result(HANG_S) == 1
    with monkeypatch.context() as patch:  # what is read here is not what stands there
        patch.setattr(ray_cluster, "marker_of", lambda folder: "of this machine")
        with pytest.raises(
            InputError, match=rf"^Expected all machines .*, but \S+ does not see {tmp_path}/other; .* mount .*\.$"
        ):
            on_ray.must_see(tmp_path / "other")
        # and a machine that comes later says so with its first task
        patch.setattr(on_ray._cluster, "_markers", {tmp_path / "other": "of this machine"})
        with pytest.raises(InputError, match=rf"to be alike, but \S+ does not see {tmp_path}/other\.$"):
            on_ray.submit(abs, -1).result(HANG_S)
    assert on_ray.submit(abs, -1).result(HANG_S) == 1


def test_ray_counts_no_use_builds_no_environment_and_leaves_signals_alone(on_ray: RayExecutor) -> None:
    from ray._common.usage import usage_lib
    from ray._private import ray_constants

    assert not usage_lib.usage_stats_enabled()
    assert not ray_constants.RAY_ENABLE_UV_RUN_RUNTIME_ENV
    assert on_ray.workers == 2
    assert "sigterm_handler" not in repr(signal.getsignal(signal.SIGTERM))


@pytest.mark.slow
def test_a_gpu_is_shared_by_as_many_as_are_told_and_only_it_is_seen(
    on_ray: RayExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCSORT_GPU_SHARE", "0.5")
    assert on_ray.concurrent("cuda") == 4
    tasks = [on_ray.submit(visible_gpus, needs=Needs("cuda")) for _ in range(2)]
    for lease, seen in (task.result(HANG_S) for task in tasks):
        assert lease == Lease(("cuda:0",), 4)
        assert seen in ("0", "1")


COMMAND = """
import sys
from pathlib import Path
import click
from errands import be_deaf
from docsort.console import one_sentence_errors, work_ended
from docsort.work.executor import executor
from docsort.work.signals import ended_by_signals

@click.command()
@click.argument("folder", type=Path)
def main(folder):
    with one_sentence_errors(), ended_by_signals(), work_ended():
        executor().submit(be_deaf, folder / "begun").result()

main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill", "number", "status"),
    [(os.killpg, signal.SIGINT, 130), (os.kill, signal.SIGTERM, 143), (os.kill, signal.SIGKILL, -signal.SIGKILL)],
)
def test_a_command_that_is_ended_leaves_no_process_of_ray_behind(
    kill: Callable[[int, int], None], number: int, status: int, tmp_path: Path
) -> None:
    """Ctrl-C reaches the whole group, as from a terminal."""
    (tmp_path / "command.py").write_text(COMMAND)
    environment = {**os.environ, "DOCSORT_EXECUTOR": "ray", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, str(tmp_path / "command.py"), str(tmp_path)]
    ended = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 2 * HANG_S
    while not (tmp_path / "begun").exists():
        assert ended.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    started = psutil.Process(ended.pid).children(recursive=True)
    assert any("gcs_server" in process.name() for process in started)
    kill(ended.pid, number)
    said, _ = ended.communicate(timeout=HANG_S)
    assert ended.returncode == status
    assert not psutil.wait_procs(started, timeout=4 * HANG_S)[1]  # some look only now and then whether Ray is there
    assert said == ("" if number == signal.SIGKILL else "Stopped.\n")
