"""Hooks that only look: whatever goes wrong in them is told, and the run goes on without them."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from docsort.errors import DocsortError

T = TypeVar("T")
logger = logging.getLogger(__name__)


def only_watches(hooks: type[T]) -> type[T]:
    """Makes a class of hooks unable to end a run: after the first error nobody calls them until the next run.

    What a user can put right, a DocsortError, is raised.
    """
    for name in dir(hooks):
        method = getattr(hooks, name)
        if hasattr(method, "kedro_impl"):
            setattr(hooks, name, _harmless(name, method))
    return hooks


def _harmless(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        if name == "before_pipeline_run":
            self.has_failed = False
        if getattr(self, "has_failed", False):
            return
        try:
            method(self, *args, **kwargs)
        except DocsortError:
            raise
        except Exception as error:
            self.has_failed = True
            logger.warning(
                "%s failed in %s (%s: %s) and sees no more of this run, which goes on.",
                type(self).__name__,
                name,
                type(error).__name__,
                error,
            )

    return call
