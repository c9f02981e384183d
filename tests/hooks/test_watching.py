"""Hooks that fail, called as Kedro calls them."""

import pytest
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager

from docsort.errors import InputError
from docsort.hooks import ProgressHooks, RunEventHooks, TrackingHooks
from docsort.hooks.watching import only_watches


class Calls:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @hook_impl
    def before_pipeline_run(self) -> None:
        self.heard.append("before")

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        self.heard.append(dataset_name)
        if dataset_name == "bad":
            raise OSError(28, "No space left on device")
        if dataset_name == "mistake":
            raise InputError("Expected a page.")


def save(hooks: Calls, *names: str) -> None:
    manager = _create_hook_manager()
    manager.register(hooks)
    manager.hook.before_pipeline_run(run_params={}, pipeline=None, catalog=None)
    for name in names:
        manager.hook.after_dataset_saved(dataset_name=name, data=None, node=None)


def test_a_hook_that_fails_is_told_of_once_and_hears_no_more_until_the_next_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(OSError, match="No space left"):
        save(Calls(), "bad")  # as it is without
    hooks = only_watches(type("Hooks", (Calls,), {}))()
    save(hooks, "good", "bad", "good")
    assert hooks.heard == ["before", "good", "bad"]
    assert caplog.messages == [
        "Hooks failed in after_dataset_saved (OSError: [Errno 28] No space left on device) and sees no more of this "
        "run, which goes on."
    ]
    save(hooks, "good")
    assert hooks.heard[3:] == ["before", "good"]


def test_what_the_user_can_put_right_is_raised() -> None:
    with pytest.raises(InputError, match="Expected a page"):
        save(only_watches(type("Hooks", (Calls,), {}))(), "mistake")


@pytest.mark.parametrize("hooks", [TrackingHooks, ProgressHooks, RunEventHooks])
def test_all_that_look_at_a_run_only_look(hooks: type) -> None:
    methods = [getattr(hooks, name) for name in dir(hooks) if hasattr(getattr(hooks, name), "kedro_impl")]
    assert methods
    assert all(method.__code__.co_filename.endswith("watching.py") for method in methods)
