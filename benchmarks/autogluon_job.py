# /// script
# requires-python = ">=3.10,<3.14"
# dependencies = ["autogluon.multimodal==1.6.3"]
#
# [tool.uv]
# exclude-newer = "2026-11-20T00:00:00Z"
# ///
"""AutoGluon MultiModal's part of `peers.py`, which calls it: an environment of its own, for it wants other versions.

    uv run --script benchmarks/autogluon_job.py FOLDER

FOLDER holds `job.json` (minutes, seed), `train.csv` (path,target), `test.csv` (path) and `checkpoint/`, a backbone
without a head. Writes `answers.csv` (target, a row a test photo) and `told.json` (told, epochs) beside them. Its
own defaults hold, but for the backbone, and epochs: as many as the minutes hold. On the CPU.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
from autogluon.multimodal import MultiModalPredictor  # type: ignore[import-not-found]

METRIC = "f1_macro"


def main() -> None:
    folder = Path(sys.argv[1])
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    photos, test = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "test.csv")
    hyperparameters = {
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": str(folder / "checkpoint"),
        "env.num_gpus": 0,
    }

    def learn(name: str, epochs: int, seconds: float) -> Any:
        predictor = MultiModalPredictor(
            label="target", problem_type="multiclass", eval_metric=METRIC, path=str(folder / name)
        )
        return predictor.fit(
            photos,
            column_types={"path": "image_path"},
            hyperparameters={**hyperparameters, "optim.max_epochs": epochs},
            time_limit=max(1, int(seconds)),
            seed=job["seed"],
        )

    began = time.perf_counter()
    budget = 60 * job["minutes"]
    learn("trial", 1, budget)
    epoch = time.perf_counter() - began
    epochs = max(1, int((budget - epoch) / epoch))
    predictor = learn("model", epochs, budget - epoch)
    told = predictor.fit_summary()[f"val_{METRIC}"]
    predictor.predict(test, as_pandas=True).rename("target").to_csv(folder / "answers.csv", index=False)
    (folder / "told.json").write_text(json.dumps({"told": float(told), "epochs": epochs}), encoding="utf-8")


if __name__ == "__main__":
    main()
