"""A forecast as `ensembling.forecast.forecast_score` makes it, of chosen figures."""

from typing import Any


def make_forecast(right: float = 0.81, given: float = 0.78, wrong: float = 0.04) -> dict[str, Any]:
    """Of macro-F1 `right` against right labels and `given` against those given, of which the share `wrong` is wrong."""
    term = {"value": 0.0, "accuracy": 0.0, "low": -0.03, "high": 0.03}
    share = {"value": wrong, "low": wrong / 2, "high": min(1.0, 2 * wrong)}
    return {
        "macro_f1": right,
        "accuracy": right,
        "interval": [right - 0.05, min(1.0, right + 0.05)],
        "n": 240,
        "groups": 60,
        "given": {"macro_f1": given, "accuracy": given, "interval": [given - 0.05, min(1.0, given + 0.05)]},
        "ensemble_gain": {"macro_f1": 0.02, "accuracy": 0.01, "members": 5},
        "terms": {
            "ambiguity": term,
            "label_noise": {**term, "value": right - given, "share": share, "judged": 7},
            "mean_gain": {**term, "value": 0.02},
            "test_shift": {**term, "value": -0.01},
        },
    }
