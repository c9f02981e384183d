"""What a worker's memory does while it trains."""

import resource
import sys

import pytest
import torch

from docsort.training.worker import freed_memory_kept

glibc = pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc")


def _faults() -> int:
    """Page faults of writing 64 MiB, four times over."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(2**24)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@glibc
def test_freed_memory_stays_within_and_goes_afterwards() -> None:
    plain = _faults()
    with freed_memory_kept("cpu"):
        for _ in range(4):  # until the heap has grown to what is wanted
            _faults()
        assert _faults() < plain / 100
    assert _faults() > plain / 2


@glibc
def test_other_devices_leave_memory_as_it_is() -> None:
    with freed_memory_kept("cpu"):
        _faults()
    plain = _faults()
    with freed_memory_kept("cuda:0"):
        assert _faults() > plain / 2


@glibc
def test_memory_goes_back_also_after_an_error() -> None:
    plain = _faults()
    with pytest.raises(RuntimeError, match="in the middle"), freed_memory_kept("cpu"):
        raise RuntimeError("in the middle")
    assert _faults() > plain / 2
