"""What happens around a run: settings are checked, it is recorded in MLflow and for kedro-viz, and bars show how far
trainings are.

Hooks only look. Without all but ParameterHooks every score and every weight is the same.
"""

from docsort.hooks.parameter_hooks import ParameterHooks
from docsort.hooks.progress_bars import ProgressHooks
from docsort.hooks.run_events import RunEventHooks
from docsort.hooks.tracking_hooks import TrackingHooks

__all__ = ["ParameterHooks", "ProgressHooks", "RunEventHooks", "TrackingHooks"]
