"""What a worker's memory does while it trains."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from docsort.models import threads as worker
from docsort.models.threads import KEPT, USUAL, freed_memory_kept

glibc = pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")

SCRIPT = """
import resource, torch
from docsort.models.threads import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = faults()
with freed_memory_kept("cpu"):
    for _ in range(4):  # until the heap has grown to what is wanted
        faults()
    kept = faults()
print(plain, kept)
"""


@glibc
def test_freed_memory_stays_with_the_process() -> None:
    """Page faults of writing 64 MiB, four times over; in a process of its own, whose heap nothing else has used."""
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    plain, kept = map(int, told.split())
    assert kept < plain / 100


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """What is told to glibc, in place of telling it."""
    told: list[tuple[int, ...]] = []
    libc = SimpleNamespace(mallopt=lambda *setting: told.append(setting), malloc_trim=lambda pad: told.append((pad,)))
    monkeypatch.setattr(worker.ctypes, "CDLL", lambda name: libc)
    return told


@glibc
def test_other_devices_leave_memory_as_it_is(settings: list[tuple[int, ...]]) -> None:
    with freed_memory_kept("cuda:0"):
        pass
    assert settings == []


@glibc
def test_memory_goes_back_at_the_end_also_after_an_error(settings: list[tuple[int, ...]]) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), freed_memory_kept("cpu"):
        raise RuntimeError("in the middle")
    assert settings == [*KEPT.items(), *USUAL.items(), (0,)]
