"""What happens around a run: settings are checked, runs are kept from each other's results, it is recorded in MLflow
and for kedro-viz, bars show how far trainings are, and a last screen says what it came to.

Hooks only look. Without all but ParameterHooks, PreflightHooks and AdmissionHooks every score and every weight is the
same.
"""

from docsort.hooks.admission_hooks import AdmissionHooks
from docsort.hooks.parameter_hooks import ParameterHooks
from docsort.hooks.preflight import PreflightHooks
from docsort.hooks.progress_bars import ProgressHooks
from docsort.hooks.run_events import RunEventHooks
from docsort.hooks.run_facts import RunFactsHooks
from docsort.hooks.summary_hooks import SummaryHooks
from docsort.hooks.tracking_hooks import TrackingHooks

__all__ = [
    "AdmissionHooks",
    "ParameterHooks",
    "PreflightHooks",
    "ProgressHooks",
    "RunEventHooks",
    "RunFactsHooks",
    "SummaryHooks",
    "TrackingHooks",
]
