"""Which device a piece of work runs on: one piece at a time on each GPU, side by side on the CPU.

The main process hands devices out without importing torch; a worker counts the GPUs once.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from docsort.errors import InputError
from docsort.workers import run_in_worker, worker_count


class DeviceLeases:
    """Devices of which each serves one lessee at a time; others wait their turn."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._busy: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def lease(self, wanted: str | None = None, count: int = 1) -> Iterator[tuple[str, ...]]:
        """Waits for the wanted device, or until `count` are free, and takes all at once, so that nobody waits for what
        another holds; gives them back at the end.
        """
        choice = self.names if wanted is None else (wanted,)
        with self._changed:
            while len(free := [name for name in choice if name not in self._busy]) < count:
                self._changed.wait()
            taken = tuple(free[:count])
            self._busy.update(taken)
        try:
            yield taken
        finally:
            with self._changed:
                self._busy.difference_update(taken)
                self._changed.notify_all()


@contextmanager
def lease_device(wanted: str) -> Iterator[str]:
    """A device for one piece of work: `wanted` as in TrainingParameters.device.

    "auto" is a GPU where there is one, else the CPU. Raises InputError when the wanted GPU is not there.
    """
    with lease_devices(wanted, 1) as (device,):
        yield device


@contextmanager
def lease_devices(wanted: str, count: int) -> Iterator[tuple[str, ...]]:
    """So many devices for one piece of work that runs on all of them at once.

    Raises InputError where there are fewer GPUs, or a single one is named.
    """
    if wanted in ("cpu", "mps"):
        yield (wanted,) * count
        return
    leases = _gpu_leases()
    if wanted == "auto" and not leases.names:
        yield ("cpu",) * count
        return
    if not leases.names or (":" in wanted and wanted not in leases.names):
        raise InputError(
            f"Expected the device {wanted!r} to be there, but torch sees {', '.join(leases.names) or 'no GPU'}; "
            "set `device: auto` or `device: cpu`."
        )
    choice = (wanted,) if ":" in wanted else leases.names
    if count > len(choice):
        raise InputError(
            f"Expected {count} GPUs, as `devices` says, but `device: {wanted}` leaves {len(choice)}: "
            f"{', '.join(choice)}; lower `devices` or set `device: cuda`."
        )
    with leases.lease(wanted if ":" in wanted else None, count) as devices:
        yield devices


def side_by_side(device: str) -> int:
    """How many pieces of work share the machine's memory and cores when each holds a device of this kind."""
    return max(1, len(_gpu_leases().names)) if device.startswith("cuda") else worker_count()


_counting = threading.Lock()


def _gpu_leases() -> DeviceLeases:
    with _counting:
        return _counted_leases()


@cache
def _counted_leases() -> DeviceLeases:
    return DeviceLeases([f"cuda:{index}" for index in range(run_in_worker(_count_gpus))])


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count()
