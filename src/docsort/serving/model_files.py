"""The files of an MLflow model that answers as an ensemble does.

    MLmodel, requirements.txt, ...        what MLflow wants to know
    mlflow_model.py, code/docsort/        the code that answers, as it was when the model was made
    artifacts/ensemble/                   the ensemble; its members' files are linked where the disk can

Docsort is on no package index, so its code comes with the model; what it leans on is pinned.
"""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import docsort
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import ENSEMBLE_FILE
from docsort.reading.parameters import READING
from docsort.versions import ABSENT, versions_of

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

ENSEMBLE_FOLDER = "artifacts/ensemble"
"""Below the folder of the model."""

ANSWERING = (
    "filelock",
    "mlflow",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pi-heif",
    "pillow",
    "psutil",
    "pyarrow",
    "pydantic",
    "pypdfium2",
    "safetensors",
    "scipy",
    "threadpoolctl",
    "timm",
    "torch",
    "torchvision",
)
"""Packages without which no page is answered."""
READERS = ("onnxruntime", "rapidfuzz", "rapidocr", "scikit-learn", "tesserocr")
"""Packages of members that read."""

EXAMPLE_SIDE = 64
"""Pixels of the example, which is a part of every model."""


def write_model(ensemble: Ensemble, folder: Path, **identity: Any) -> None:
    """Writes the model to a folder that is not there or empty. identity: what MLflow's `Model` is to know it by.

    Raises StorageError when the disk does not take it, and whatever MLflow does.
    """
    from mlflow import pyfunc
    from mlflow.models import Model

    model = Model(**identity)
    with TemporaryDirectory(prefix="docsort-") as temporary:
        stand_in = Path(temporary) / "ensemble"  # MLflow would copy the ensemble itself, twice
        stand_in.mkdir()
        (stand_in / ENSEMBLE_FILE).touch()
        pyfunc.save_model(
            path=str(folder),
            python_model=str(Path(__file__).with_name("mlflow_model.py")),
            code_paths=[str(Path(docsort.__file__).parent)],
            artifacts={"ensemble": str(stand_in)},
            signature=signature_of(ensemble),
            input_example=example_page(),
            pip_requirements=requirements_of(ensemble),
            mlflow_model=model,
        )
    ensemble.save(folder / ENSEMBLE_FOLDER)
    model.model_size_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    model.save(str(folder / "MLmodel"))


def signature_of(ensemble: Ensemble) -> "ModelSignature":
    """In: the bytes of image files, in JSON as base64, and names, which may be missing. Out: table ANSWERS."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    answers: list[ColSpec | TensorSpec] = [
        ColSpec("string", "image_id"),
        ColSpec("long", "target"),
        ColSpec("string", "class_name"),
        ColSpec("double", "confidence"),
        ColSpec("boolean", "needs_review"),
        ColSpec("string", "why"),
        *(ColSpec("double", name, required=False) for name in ("novelty", *(f"p_{own}" for own in ensemble.targets))),
    ]
    pages: list[ColSpec | TensorSpec] = [ColSpec("binary", "page"), ColSpec("string", "name", required=False)]
    return ModelSignature(Schema(pages), Schema(answers))


def example_page() -> "pd.DataFrame":
    """A row as the model wants it: a blank page, a PNG."""
    import pandas as pd
    from PIL import Image

    buffer = BytesIO()
    Image.new("L", (EXAMPLE_SIDE, EXAMPLE_SIDE), 255).save(buffer, "png")
    return pd.DataFrame({"page": [buffer.getvalue()], "name": ["blank.png"]})


def requirements_of(ensemble: Ensemble) -> list[str]:
    """The exact versions of the packages that answer here; of a build for some device, the version it is a build of."""
    reads = any(checkpoint.kind == READING for checkpoint in ensemble.checkpoints.values())
    versions = versions_of((*ANSWERING, *READERS) if reads else ANSWERING)
    return [f"{name}=={own.partition('+')[0]}" for name, own in versions.items() if own != ABSENT]
