"""The sample in a store: drawn once for each seed and set of parameters."""

from pathlib import Path
from typing import Any

from docsort.sample.drawing import SAMPLE_VERSION, draw_sample
from docsort.sample.parameters import SampleParameters
from docsort.stores import Store, fingerprint


def keep_sample(store: Store, parameters: SampleParameters, seed: int) -> dict[str, Any]:
    """Draws the sample unless it is there; returns where it is: layout, folder and answer_key, paths absolute."""
    key = fingerprint("sample", SAMPLE_VERSION, parameters, seed)
    folder = store.folder(key)
    if store.record(key) is None:
        draw_sample(folder, parameters, seed)
        store.complete(key, {"version": SAMPLE_VERSION, "seed": seed, **parameters.model_dump(mode="json")})
    return {"layout": "competition", "folder": str(folder), "answer_key": str(answer_key_of(folder))}


def answer_key_of(folder: Path) -> Path:
    """The true labels of a drawn sample's test photos (ID,target); only scoring reads them."""
    return folder / "answer_key" / "test_truth.csv"
