"""ONNX files: a torch module written as one, and a session that computes it. Nothing else knows the format.

What is written is checked by who writes it: an exporter may translate an operation wrongly, and says nothing then.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from docsort.errors import InputError, StorageError, WeightsError
from docsort.files import storing
from docsort.versions import ABSENT, versions_of

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
OPSET = 20
"""Of ONNX 1.15, which onnxruntime reads since 1.17."""

PROBABILITIES = "probabilities"
"""Output of every graph."""

LARGEST = 2**30
"""Bytes of weights that go into the file itself: protobuf holds 2 GiB. Larger ones lie in a second file beside it."""


def require_onnx() -> None:
    """Raises InputError where the packages are not installed."""
    missing = [name for name, version in versions_of(PACKAGES).items() if version == ABSENT]
    if missing:
        raise InputError(
            f"Expected the packages of the extra `onnx`, but {' and '.join(missing)} are not installed; install them "
            "with `uv pip install 'docsort[onnx]'`."
        )


def write_graph(net: nn.Module, sides: int | tuple[int, ...], inputs: Sequence[str], path: Path) -> None:
    """Writes a module of pages (N, side, side, 3) uint8, or of a tuple of them, for any N. inputs: their names. The
    first output is called probabilities, those after it features_0 and so on.

    Raises InputError for what the exporter cannot translate, StorageError where the disk does not take it.
    """
    pages = {0: torch.export.Dim("pages")}
    example = tuple(map(_example, sides)) if isinstance(sides, tuple) else _example(sides)
    with torch.no_grad():
        given = net.eval()(example)
    more = len(given) - 1 if isinstance(given, tuple) else 0
    size = sum(tensor.nbytes for tensor in net.state_dict().values())
    with storing(path.parent), warnings.catch_warnings(), _quiet("torch.onnx", "onnxscript", "onnx_ir"):
        warnings.simplefilter("ignore")  # of the exporter's own calls
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.onnx.export(
                net,
                (example,),
                str(path),
                input_names=list(inputs),
                output_names=[PROBABILITIES, *(f"features_{number}" for number in range(more))],
                dynamic_shapes=((pages,) * len(example) if isinstance(example, tuple) else pages,),
                opset_version=OPSET,
                dynamo=True,
                external_data=size > LARGEST,
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error.__cause__ or error).strip().partition("\n")[0]
            raise InputError(
                f"Expected torch to write {path.name} as ONNX, but its exporter cannot ({reason}); answer with torch."
            ) from error


def _example(side: int) -> Tensor:
    return torch.zeros((2, side, side, 3), dtype=torch.uint8)


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """What the exporter logs of its own steps is not for users."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class Session:
    """An ONNX file that is computed by onnxruntime on a CPU by one thread, or by so many."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no base class
            raise WeightsError(
                f"Expected an ONNX graph at {path}, but it cannot be opened; export it again."
            ) from error

    def __call__(self, **inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """The outputs by name."""
        names = [output.name for output in self._session.get_outputs()]
        try:
            return dict(zip(names, self._session.run(names, inputs), strict=True))
        except Exception as error:
            raise StorageError(f"Expected the graph to compute these pages, but it failed ({error}).") from error
