"""The toy reader, for all tests of the kind."""

from toy_reader import cache, make_task, toy

__all__ = ["cache", "make_task", "toy"]
