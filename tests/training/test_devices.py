import threading
import time

import pytest

from docsort.errors import InputError
from docsort.training import devices
from docsort.training.devices import DeviceLeases, lease_device, lease_devices, side_by_side


def _use_all(leases: DeviceLeases, pieces: int, wanted: str | None = None) -> tuple[list[str], int]:
    """Which device each piece of work got, and the most that one device had at a time."""
    guard, used, now, most = threading.Lock(), list[str](), dict[str, int](), 0

    def work() -> None:
        nonlocal most
        with leases.lease(wanted) as (name,):
            with guard:
                used.append(name)
                now[name] = now.get(name, 0) + 1
                most = max(most, now[name])
            time.sleep(0.01)
            with guard:
                now[name] -= 1

    threads = [threading.Thread(target=work) for _ in range(pieces)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return used, most


def test_each_gpu_serves_one_at_a_time_and_all_are_used() -> None:
    used, most = _use_all(DeviceLeases(["cuda:0", "cuda:1"]), pieces=8)
    assert len(used) == 8
    assert set(used) == {"cuda:0", "cuda:1"}
    assert most == 1


def test_named_gpu_is_waited_for() -> None:
    used, most = _use_all(DeviceLeases(["cuda:0", "cuda:1"]), pieces=3, wanted="cuda:1")
    assert used == ["cuda:1"] * 3
    assert most == 1


def test_failed_work_gives_its_device_back() -> None:
    leases = DeviceLeases(["cuda:0"])
    with pytest.raises(ValueError, match="stop"), leases.lease():
        raise ValueError("stop")
    with leases.lease() as (name,):
        assert name == "cuda:0"


def test_several_gpus_are_taken_at_once_or_not_at_all() -> None:
    leases, order = DeviceLeases(["cuda:0", "cuda:1"]), list[str]()

    def work(name: str, count: int) -> None:
        with leases.lease(count=count) as devices:
            assert len(devices) == count
            order.append(name)

    with leases.lease() as (held,):
        both = threading.Thread(target=work, args=("both", 2))
        both.start()
        one = threading.Thread(target=work, args=("one", 1))
        one.start()
        one.join(5)
        assert order == ["one"]  # who waits for two holds none of them
    both.join(5)
    assert order == ["one", "both"]
    assert held == "cuda:0"


def test_more_gpus_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_gpu_leases", lambda: DeviceLeases(["cuda:0", "cuda:1"]))
    with (
        pytest.raises(InputError, match="Expected 3 GPUs, as `devices` says, but .* leaves 2"),
        lease_devices("cuda", 3),
    ):
        pass


def test_auto_is_the_cpu_without_a_gpu_and_a_gpu_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_gpu_leases", lambda: DeviceLeases([]))
    with lease_device("auto") as name:
        assert name == "cpu"
    monkeypatch.setattr(devices, "_gpu_leases", lambda: DeviceLeases(["cuda:0"]))
    with lease_device("auto") as name:
        assert name == "cuda:0"
        assert side_by_side(name) == 1


@pytest.mark.parametrize("wanted", ["cuda", "cuda:3"])
def test_absent_gpu_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    monkeypatch.setattr(devices, "_gpu_leases", lambda: DeviceLeases([]))
    with (
        pytest.raises(InputError, match=f"the device '{wanted}' to be there, but torch sees no GPU"),
        lease_device(wanted),
    ):
        pass


def test_cpu_work_is_side_by_side_as_the_workers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSORT_WORKERS", "3")
    assert side_by_side("cpu") == 3
