"""What a piece of work needs and what it is lent: a GPU serves one piece at a time, the CPU as many as there are
workers.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from docsort.errors import InputError, StoppedError


@dataclass(frozen=True)
class Needs:
    """device: None for work that asks for none, else as TrainingParameters.device: "auto" is a GPU where there is one,
    else the CPU. devices: how many at once.
    """

    device: str | None = None
    devices: int = 1


NO_DEVICE = Needs()


@dataclass(frozen=True)
class Lease:
    """devices: held by this piece of work alone, but for the CPU. concurrent: how many pieces like it share the
    machine's memory and cores.
    """

    devices: tuple[str, ...]
    concurrent: int


class DeviceLeases:
    """The devices of a machine. count_gpus is called once, when first a GPU may be wanted; count_workers: how many
    pieces of work the CPU serves.
    """

    def __init__(self, count_gpus: Callable[[], int], count_workers: Callable[[], int]) -> None:
        self._count_gpus, self._count_workers = count_gpus, count_workers
        self._counted: tuple[str, ...] | None = None
        self._counting = threading.Lock()
        self._busy: set[str] = set()
        self._changed = threading.Condition()

    def concurrent(self, device: str) -> int:
        """How many pieces of work that need such a device run at a time."""
        return len(self._gpus_for(device)) or self._count_workers()

    @contextmanager
    def lease(self, device: str, count: int = 1, is_wanted: Callable[[], bool] = lambda: True) -> Iterator[Lease]:
        """Waits until `count` devices are free and takes all at once, so that nobody waits for what another holds.

        is_wanted: asked again at each `wake`. Raises StoppedError where it says no, InputError where a GPU is wanted
        that is not there, or more than there are.
        """
        gpus = self._gpus_for(device)
        if not gpus:
            yield Lease(("cpu" if device == "auto" else device,) * count, self._count_workers())
            return
        choice = tuple(gpu for gpu in gpus if ":" not in device or gpu == device)
        if count > len(choice):
            raise InputError(
                f"Expected {count} GPUs, as `devices` says, but `device: {device}` leaves {len(choice)}: "
                f"{', '.join(choice)}; lower `devices` or set `device: cuda`."
            )
        taken = self._take(choice, count, is_wanted)
        try:
            yield Lease(taken, len(gpus))
        finally:
            with self._changed:
                self._busy.difference_update(taken)
                self._changed.notify_all()

    def wake(self) -> None:
        """Lets those that wait see whether they are still wanted."""
        with self._changed:
            self._changed.notify_all()

    def _take(self, choice: tuple[str, ...], count: int, is_wanted: Callable[[], bool]) -> tuple[str, ...]:
        with self._changed:
            while len(free := [gpu for gpu in choice if gpu not in self._busy]) < count:
                if not is_wanted():
                    raise StoppedError("Work was stopped while it waited for a device; run again to go on.")
                self._changed.wait()
            self._busy.update(free[:count])
            return tuple(free[:count])

    def _gpus_for(self, device: str) -> tuple[str, ...]:
        """All GPUs where one of them is meant; none for work on the CPU."""
        if device in ("cpu", "mps"):
            return ()
        with self._counting:
            if self._counted is None:
                self._counted = tuple(f"cuda:{index}" for index in range(self._count_gpus()))
        gpus = self._counted
        if device != "auto" and (not gpus or (":" in device and device not in gpus)):
            raise InputError(
                f"Expected the device {device!r} to be there, but torch sees {', '.join(gpus) or 'no GPU'}; "
                "set `device: auto` or `device: cpu`."
            )
        return gpus


def count_gpus() -> int:
    """In a worker, for it imports torch."""
    import torch

    return torch.cuda.device_count()
