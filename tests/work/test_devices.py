import threading
import time
from collections.abc import Callable

import pytest

from docsort.errors import InputError, StoppedError
from docsort.work.devices import DeviceLeases, Lease


def leases_of(gpus: int, workers: int = 3) -> DeviceLeases:
    return DeviceLeases(lambda: gpus, lambda: workers)


def _use_all(leases: DeviceLeases, pieces: int, wanted: str = "cuda") -> tuple[list[str], int]:
    """Which device each piece of work got, and the most that one device had at a time."""
    guard, used, now, most = threading.Lock(), list[str](), dict[str, int](), 0

    def work() -> None:
        nonlocal most
        with leases.lease(wanted) as lease:
            (name,) = lease.devices
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
    used, most = _use_all(leases_of(2), pieces=8)
    assert len(used) == 8
    assert set(used) == {"cuda:0", "cuda:1"}
    assert most == 1


def test_the_cpu_serves_many_at_a_time() -> None:
    used, most = _use_all(leases_of(2), pieces=8, wanted="cpu")
    assert used == ["cpu"] * 8
    assert most > 1


def test_named_gpu_is_waited_for() -> None:
    used, most = _use_all(leases_of(2), pieces=3, wanted="cuda:1")
    assert used == ["cuda:1"] * 3
    assert most == 1


def test_failed_work_gives_its_device_back() -> None:
    leases = leases_of(1)
    with pytest.raises(ValueError, match="stop"), leases.lease("cuda"):
        raise ValueError("stop")
    with leases.lease("cuda") as lease:
        assert lease.devices == ("cuda:0",)


def test_several_gpus_are_taken_at_once_or_not_at_all() -> None:
    leases, order = leases_of(2), list[str]()

    def work(name: str, count: int) -> None:
        with leases.lease("cuda", count) as lease:
            assert len(lease.devices) == count
            order.append(name)

    with leases.lease("cuda") as held:
        both = threading.Thread(target=work, args=("both", 2))
        both.start()
        one = threading.Thread(target=work, args=("one", 1))
        one.start()
        one.join(5)
        assert order == ["one"]  # who waits for two holds none of them
    both.join(5)
    assert order == ["one", "both"]
    assert held.devices == ("cuda:0",)


def test_more_gpus_than_there_are_is_refused() -> None:
    with (
        pytest.raises(InputError, match="Expected 3 GPUs, as `devices` says, but .* leaves 2"),
        leases_of(2).lease("cuda", 3),
    ):
        pass
    with pytest.raises(InputError, match="leaves 1: cuda:1"), leases_of(2).lease("cuda:1", 2):
        pass


def test_auto_is_the_cpu_without_a_gpu_and_a_gpu_with_one() -> None:
    with leases_of(0).lease("auto") as lease:
        assert lease == Lease(("cpu",), 3)
    with leases_of(1).lease("auto") as lease:
        assert lease == Lease(("cuda:0",), 1)


@pytest.mark.parametrize("wanted", ["cuda", "cuda:3"])
@pytest.mark.parametrize("ask", [DeviceLeases.concurrent, lambda leases, wanted: leases.lease(wanted).__enter__()])
def test_absent_gpu_is_refused(wanted: str, ask: Callable[[DeviceLeases, str], object]) -> None:
    with pytest.raises(InputError, match=f"the device '{wanted}' to be there, but torch sees no GPU"):
        ask(leases_of(0), wanted)


def test_as_many_work_at_a_time_as_there_are_gpus_or_workers() -> None:
    assert [leases_of(2).concurrent(device) for device in ("cpu", "mps", "auto", "cuda")] == [3, 3, 2, 2]
    assert leases_of(0).concurrent("auto") == 3


def test_gpus_are_counted_once_and_only_where_one_may_be_wanted() -> None:
    counted: list[int] = []

    def count() -> int:
        counted.append(1)
        return 1

    leases = DeviceLeases(count, lambda: 1)
    with leases.lease("cpu", 2) as lease:
        assert lease.devices == ("cpu", "cpu")
    assert not counted
    for _ in range(3):
        with leases.lease("auto"):
            pass
    assert counted == [1]


def test_who_is_not_wanted_any_more_need_not_wait() -> None:
    leases, wanted, ended = leases_of(1), threading.Event(), list[str]()
    wanted.set()

    def work() -> None:
        with pytest.raises(StoppedError, match="stopped while it waited for a device"):
            leases.lease("cuda", 1, wanted.is_set).__enter__()
        ended.append("ended")

    with leases.lease("cuda"):
        waiting = threading.Thread(target=work)
        waiting.start()
        leases.wake()
        waiting.join(0.2)
        assert not ended
        wanted.clear()
        leases.wake()
        waiting.join(5)
        assert ended
