"""The sample in a store: drawn once for each seed and set of parameters."""

from typing import Any

from docsort.files import storing
from docsort.stores import Store, fingerprint
from docsort.work.executor import executor
from docsort_sample.drawing import SAMPLE_VERSION, answer_key_of, draw_sample
from docsort_sample.parameters import SampleParameters


def ensure_sample(store: Store, parameters: SampleParameters, seed: int) -> dict[str, Any]:
    """Draws the sample unless it is there; returns where it is: layout, folder and answer_key, paths absolute.

    Raises StorageError where the disk does not take it.
    """
    key = fingerprint("sample", SAMPLE_VERSION, parameters, seed)
    folder = store.folder(key)
    with store.making(key):
        if store.finished(key) is None:
            with storing(folder):
                draw_sample(folder, parameters, seed, map=executor().map)
            store.complete(key, {"version": SAMPLE_VERSION, "seed": seed, **parameters.model_dump(mode="json")})
    return {"layout": "competition", "folder": str(folder), "answer_key": str(answer_key_of(folder))}
