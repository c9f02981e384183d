"""What happens around a run: settings are checked, the run is recorded in MLflow, and bars show how far trainings are.

Hooks only look. Without TrackingHooks and ProgressHooks every score and every weight is the same.
"""

from docsort.hooks.parameters import ParameterHooks
from docsort.hooks.progress_bars import ProgressHooks
from docsort.hooks.tracking import TrackingHooks

__all__ = ["ParameterHooks", "ProgressHooks", "TrackingHooks"]
