"""Names and values as MLflow takes them: how long, with which characters, and how many in one call."""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

KEY_LENGTH = 250
VALUE_LENGTH = 500
"""Characters. MLflow before 1.28 takes no more, and nobody reads more in its table."""
TEXT_LENGTH = 5000
"""Characters of a tag."""
METRICS, PARAMS, TAGS = 1000, 100, 100
"""Most entries of one call."""

T = TypeVar("T")


def flatten(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves of nested mappings under dotted keys: {"a": {"b": 1}} gives {"a.b": 1}. Lists stay leaves."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def texts(tags: Mapping[str, object]) -> dict[str, str]:
    """Tags as they can be given when a run is made."""
    return {_key(key): cut(value, TEXT_LENGTH) for key, value in tags.items()}


def cut(value: object, length: int) -> str:
    """The value as a text that is no longer."""
    text = str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def metrics(history: Iterable[tuple[int, Mapping[str, float]]], model_id: str | None) -> Iterator[list[Any]]:
    """MLflow's entries of (step, metrics) pairs, call by call. NaN stands for nothing measured and is left out: MLflow
    would keep a 0 with a mark."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    numbers = ((step, key, value) for step, values in history for key, value in values.items())
    return _batches(
        (Metric(_key(key), value, now, step, model_id) for step, key, value in numbers if not math.isnan(value)),
        METRICS,
    )


def params(values: Mapping[str, object]) -> Iterator[list[Any]]:
    """MLflow's entries of parameters, call by call."""
    from mlflow.entities import Param

    return _batches((Param(_key(key), cut(value, VALUE_LENGTH)) for key, value in values.items()), PARAMS)


def run_tags(tags: Mapping[str, object]) -> Iterator[list[Any]]:
    """MLflow's entries of tags, call by call."""
    from mlflow.entities import RunTag

    return _batches((RunTag(key, value) for key, value in texts(tags).items()), TAGS)


def _key(text: str) -> str:
    """The key with all that MLflow refuses replaced."""
    return re.sub(r"[^\w\-. /]", "_", text)[:KEY_LENGTH]


def _batches(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
