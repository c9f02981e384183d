"""Kedro's settings of the project."""

from docsort.hooks import ParameterHooks, ProgressHooks, RunEventHooks, TrackingHooks

HOOKS = (ParameterHooks(), TrackingHooks(), ProgressHooks(), RunEventHooks())

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment names only the parameters it changes; by default it would drop the rest of their group.
    "merge_strategy": {"parameters": "soft"},
}
