"""Versions of installed packages."""

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

ABSENT = "absent"


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution, in the order given; ABSENT for one that is not installed."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT
