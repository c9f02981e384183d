"""What a person sees first in MLflow's own page: a description of the experiment, and a saved view that compares runs.

MLflow keeps which columns a table shows in the browser, so that nothing that is logged can choose them. What can be
kept beside the runs is a view, which every browser offers under "Views" and by its link. A view is a tag of the
experiment, in the form that the page of MLflow 3.17 writes; an older page says that it cannot read the view.
"""

import json
import os
from urllib.parse import urlencode

EXPERIMENT = "docsort"

DATASET, BACKBONE, INTERVAL, CHANGES = "dataset", "backbone", "interval", "changes"
"""Tags of a run."""
FORECAST, LOW, HIGH = "forecast", "forecast_low", "forecast_high"
TRUE_TEST, GAP, SECONDS = "true_test", "gap", "seconds"
"""Metrics of a run."""

VIEW = "compare"
COLUMNS = {
    f"tags.`{DATASET}`": 90,
    f"tags.`{BACKBONE}`": 130,
    f"metrics.`{FORECAST}`": 90,
    f"tags.`{INTERVAL}`": 115,
    f"metrics.`{TRUE_TEST}`": 85,
    f"metrics.`{GAP}`": 75,
    f"metrics.`{SECONDS}`": 80,
    f"tags.`{CHANGES}`": 320,
}
"""Columns of the view from left to right, by the names that MLflow's page has for them, and their width in pixels."""
NAME_COLUMN, NAME_WIDTH = "attributes.`Run Name`", 330

LINK = f"runs?{urlencode({'workflowType': 'machine_learning', 'viewStateShareKey': VIEW})}"
"""The view, on the side of MLflow's page that is for training."""


def experiment_name() -> str:
    """Of all runs; the one that MLFLOW_EXPERIMENT_NAME, a variable of MLflow's own, names."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT


def page_tags(experiment_id: str) -> dict[str, str]:
    """Tags of the experiment that make its page one of trainings, describe it and offer the view."""
    return {
        # Without it the page of MLflow 3 is one of language models, with no table of runs.
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": FORECAST,
        "mlflow.experiment.primaryMetric.greaterIsBetter": "true",
        "mlflow.note.content": (
            f"**[Compare the runs](#/experiments/{experiment_id}/{LINK})** by forecast, score and settings\n\n"
            "A difference smaller than the intervals is no difference."
        ),
        f"mlflow.sharedViewState.{VIEW}": _view(),
    }


def compare_address(uri: str, experiment_id: str) -> str:
    """Where the view is; uri: of the server, else that of a bare `mlflow ui`."""
    server = uri.rstrip("/") if uri.startswith("http") else "http://127.0.0.1:5000"
    return f"{server}/#/experiments/{experiment_id}/{LINK}"


def _view() -> str:
    """Runs that have a forecast, the highest first; not single trainings, leaderboards, reviews."""
    state = {
        "searchFilter": f"metrics.{FORECAST} >= 0",
        "orderByKey": f"metrics.`{FORECAST}`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": list(COLUMNS),
        "columnOrder": [NAME_COLUMN, *COLUMNS],
        "columnWidths": {NAME_COLUMN: NAME_WIDTH, **COLUMNS},
    }
    written = 0  # milliseconds; a constant, so that the tag stays as it is
    return json.dumps(
        {"name": "Compare", "createdAt": written, "updatedAt": written, "state": json.dumps(state)}, sort_keys=True
    )
