"""Kedro's settings of the project."""

from docsort.hooks import (
    AdmissionHooks,
    ParameterHooks,
    PreflightHooks,
    ProgressHooks,
    RunEventHooks,
    RunFactsHooks,
    SummaryHooks,
    TrackingHooks,
)
from docsort.parameters import expand_home, first_of

# The last is asked first: what is checked before any work comes before a run takes its place.
HOOKS = (
    AdmissionHooks(),
    SummaryHooks(),
    ParameterHooks(),
    PreflightHooks(),
    TrackingHooks(),
    ProgressHooks(),
    RunEventHooks(),
    RunFactsHooks(),
)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": {"expand_home": expand_home, "first_of": first_of},
    # An environment names only the parameters it changes; by default it would drop the rest of their group.
    "merge_strategy": {"parameters": "soft"},
}
