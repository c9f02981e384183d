"""What the service answers, and its description as OpenAPI, made from the same models."""

import math
from typing import Any

import pandas as pd
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from docsort import __version__


class Answer(BaseModel):
    """The answer to one page, as `docsort predict` gives it."""

    page: str = Field(description="name of the file; `scan.pdf#2` is its second page")
    target: int = Field(description="number of the class")
    class_name: str
    confidence: float = Field(ge=0, le=1, description="probability of the class; 0 where the page cannot be read")
    needs_review: bool = Field(description="whether a person should look")
    why: str = Field(description="why a person should look; empty where nobody need")
    novelty: float | None = Field(description="share of held-out pages that are less novel, 0 to 1; null: not measured")
    probabilities: dict[str, float] | None = Field(description="by number of the class; null where it cannot be read")


class Answers(BaseModel):
    """Answers in the order in which the pages came."""

    fingerprint: str = Field(description="of the ensemble that has answered")
    answers: list[Answer]


class Health(BaseModel):
    """That the service is up, and with what."""

    status: str
    fingerprint: str = Field(description="of the ensemble in use")
    version: str = Field(description="of Docsort")
    waiting: int = Field(description="pages that wait for an answer")


class About(BaseModel):
    """The ensemble in use."""

    fingerprint: str
    classes: dict[int, str] = Field(description="names by number")
    threshold: float = Field(ge=0, le=1, description="confidence below which a page needs review")
    forecast: dict[str, Any] | None = Field(description="what it was forecast to score; null: none was made")


class Reloaded(BaseModel):
    """What came of a reload."""

    fingerprint: str = Field(description="of the ensemble in use now")
    reloaded: bool = Field(description="whether it is another than before")


class Problem(BaseModel):
    """Why a request is not answered, in one sentence."""

    error: str


def answers_of(table: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """Rows like Answer of a table ANSWERS; floats keep every bit."""
    columns = [column for column in table.columns if column.startswith("p_")]
    rows = []
    for name, row in zip(names, table.to_dict("records"), strict=True):
        chances = {column.removeprefix("p_"): row[column] for column in columns}
        readable = not any(math.isnan(chance) for chance in chances.values())
        own = {key: row[key] for key in ("target", "class_name", "confidence", "needs_review", "why")}
        novelty = None if math.isnan(row["novelty"]) else row["novelty"]
        rows.append({"page": name, **own, "novelty": novelty, "probabilities": chances if readable else None})
    return rows


FILES: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        },
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/pdf": {"schema": {"type": "string", "format": "binary"}},
    },
}
REFUSALS = {
    400: "no upload, or for another host",
    401: "the token is missing or wrong",
    403: "from another page",
    408: "the upload took too long",
    413: "too many bytes, pixels or pages",
    415: "no image, PDF or form of files",
    503: "too busy; Retry-After says when to come again",
    504: "the answer took too long",
}


def open_api(limits_told: str) -> dict[str, Any]:
    """The description of the service. limits_told: of one request, in words."""
    models = (Answers, About, Health, Reloaded, Problem)
    keys, definitions = models_json_schema(
        [(model, "serialization") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas = {model: keys[model, "serialization"] for model in models}
    predict = _operation(
        "Answer pages", f"One or many images, PDF and TIFF files; {limits_told}.", schemas[Answers], REFUSALS
    )
    explain = _operation(
        "Show where on a page a class was found",
        "One picture of one page, and in the query `target`, the number of the class. Comes back as a JPEG with the "
        "heat map (Grad-CAM) of the network that counts most over it; 409 where no network of the ensemble can tell.",
        None,
        REFUSALS | {409: "no network can tell"},
    )
    explain["parameters"] = [{"name": "target", "in": "query", "required": True, "schema": {"type": "integer"}}]
    reload = _operation(
        "Use the newest ensemble",
        "Needs the token. Requests under way are answered by the one before.",
        schemas[Reloaded],
        {401: "the token is missing or wrong", 403: "the server has no token", 409: "the newest is damaged"},
    )
    paths = {
        "/predict": {"post": predict | {"requestBody": FILES}},
        "/explain": {"post": explain | {"requestBody": FILES}},
        "/reload": {"post": reload},
        "/ensemble": {"get": _operation("What the ensemble is", "", schemas[About], {401: "the token is missing"})},
        "/health": {"get": _operation("Whether it is up", "Without a token.", schemas[Health], {})},
        "/metrics": {"get": _operation("Figures for Prometheus", "As text.", None, {401: "the token is missing"})},
    }
    about = {"title": "Docsort", "version": __version__, "description": "Answers the pages of photographed documents."}
    bearer = {"token": {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": about,
        "paths": paths,
        "components": {"schemas": definitions["$defs"], "securitySchemes": bearer},
    }


def _operation(summary: str, text: str, answer: Any, refusals: dict[int, str]) -> dict[str, Any]:
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answered: dict[str, Any] = {"description": "answered"}
    if answer is not None:
        answered["content"] = {"application/json": {"schema": answer}}
    told = {str(status): {"description": why, "content": problem} for status, why in refusals.items()}
    return {"summary": summary, "description": text, "responses": {"200": answered, **told}}
