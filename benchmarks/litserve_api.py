"""The ensemble behind LitServe, for `other_servers.py`; a module of its own, for its workers must find the class."""

import base64
from typing import Any

import litserve

from docsort.serving.classifier import load
from docsort.serving.http.schema import answers_of


class Api(litserve.LitAPI):
    """Photos as base64 in JSON, in batches."""

    folder = ""

    def setup(self, device: str) -> None:
        self.classifier = load(self.folder)

    def decode_request(self, request: dict[str, str]) -> bytes:
        return base64.b64decode(request["page"])

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        return inputs

    def predict(self, pages: list[bytes]) -> Any:
        return answers_of(self.classifier.predict(pages, in_workers=False), ["page"] * len(pages))

    def unbatch(self, output: Any) -> Any:
        return output

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"answers": [output]}
