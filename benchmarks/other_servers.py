"""The same ensemble behind other servers, as one would write it by their own guides, for `servers.py`."""

import base64
import os
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

from docsort.serving.classifier import load
from docsort.serving.http.schema import answers_of

BATCH, BATCH_SECONDS = 64, 0.02


def plain(folder: str, port: int) -> None:
    """Starlette: a request, a call of `predict`, in its thread pool."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    classifier = load(folder)

    async def answer(request: Request) -> JSONResponse:
        table = await run_in_threadpool(classifier.predict, await request.body(), in_workers=True)
        return JSONResponse({"answers": answers_of(table, ["page"])})

    _tell(port)
    uvicorn.run(Starlette(routes=[Route("/predict", answer, methods=["POST"])]), port=port, log_level="warning")


def litserve(folder: str, port: int) -> None:
    """LitServe with its batches and as many workers as cores."""
    from litserve import LitServer
    from litserve_api import Api

    api = Api(max_batch_size=BATCH, batch_timeout=BATCH_SECONDS)
    api.folder = folder
    cores = len(os.sched_getaffinity(0))
    server = LitServer(api, accelerator="cpu", workers_per_device=cores, timeout=600)
    _tell(port)
    server.run(port=port, host="127.0.0.1", log_level="warning", generate_client_file=False)


def mlflow(folder: str, port: int) -> None:
    """MLflow's scoring server over a pyfunc model; photos as base64 in a JSON table."""
    import pandas as pd
    import uvicorn
    from mlflow.models import Model, ModelSignature
    from mlflow.pyfunc import PyFuncModel
    from mlflow.pyfunc.scoring_server import init
    from mlflow.types import ColSpec, DataType, Schema

    classifier = load(folder)

    class Pages:
        """What `load_pyfunc` would give."""

        def predict(self, table: pd.DataFrame, params: Any = None) -> Any:
            return answers_of(classifier.predict(table["page"].tolist(), in_workers=True), ["page"] * len(table))

    signature = ModelSignature(Schema([ColSpec(DataType.binary, "page")]))
    flavors = {"python_function": {"loader_module": "other_servers"}}
    _tell(port)
    uvicorn.run(init(PyFuncModel(Model(signature=signature, flavors=flavors), Pages())), port=port, log_level="warning")


def request_of(server: str, page: bytes) -> tuple[str, dict[str, str], bytes]:
    """Path, headers and body by which a server is asked about a page."""
    coded = base64.b64encode(page).decode()
    as_json = {"content-type": "application/json"}
    if server == "litserve":
        return "/predict", as_json, f'{{"page": "{coded}"}}'.encode()
    if server == "mlflow":
        return "/invocations", as_json, f'{{"dataframe_records": [{{"page": "{coded}"}}]}}'.encode()
    return "/predict", {"content-type": "image/jpeg"}, page


def command(server: str, folder: Path, port: int) -> list[str]:
    """What starts it; it answers at http://127.0.0.1:<port>/ soon after it has said so."""
    here = str(Path(__file__).parent)
    return [sys.executable, "-c", f"import sys; sys.path.insert(0, {here!r}); import other_servers; "
            f"other_servers.{server}({str(folder)!r}, {port})"]  # fmt: skip


def _tell(port: int) -> None:
    print(f"answers at http://127.0.0.1:{port}/", flush=True)


def jpeg_of(path: Path, number: int) -> bytes:
    """The photo, made another by a pixel, so that no two requests are about the same page."""
    from PIL import Image

    with Image.open(path) as picture:
        changed = picture.convert("RGB")
    changed.putpixel((number % changed.width, number // changed.width % changed.height), (number % 256, 0, 0))
    changed.save(buffer := BytesIO(), "JPEG", quality=95)
    return buffer.getvalue()
