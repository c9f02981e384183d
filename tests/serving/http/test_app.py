"""The service: the answers it gives are those of the ensemble, and what it refuses it refuses in one sentence."""

import asyncio
import json
import re
import struct
import threading
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import deadly
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from docsort.serving.classifier import Classifier
from docsort.serving.http import decoding
from docsort.serving.http.app import PAGE_FILES, create_app
from docsort.serving.http.explaining import explaining_member
from docsort.serving.http.limits import Limits
from docsort.serving.http.schema import Answers, answers_of
from docsort.serving.http.service import Service
from docsort.serving.http.uploads import Upload
from docsort.serving.prediction import answer_files

PORT = 4143
OWN = f"http://127.0.0.1:{PORT}"
TOKEN = "a-token-of-this-test"
PNG = {"content-type": "image/png"}
LEAKS = re.compile(r"Traceback|site-packages|\.py\b|/tmp|/home|Error")


def post(client: TestClient, data: bytes, **headers: str) -> Any:
    return client.post("/predict", content=data, headers={**PNG, **headers})


def form(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", file) for file in files]


def rows_of(reply: Any) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.text
    Answers.model_validate_json(reply.content, strict=True)
    rows: list[dict[str, Any]] = reply.json()["answers"]
    return rows


def test_answers_are_those_of_the_ensemble_bit_for_bit(
    client: TestClient, classifier: Classifier, files: list[bytes]
) -> None:
    names = ["b.png", "a.png", "b.png"]
    given = [files[0], files[1], b"no picture"]
    expected = answers_of(classifier.ensemble.answer(given, in_workers=False), names)
    assert expected[0]["probabilities"] != expected[1]["probabilities"]
    reply = client.post("/predict", files=form(*zip(names, given, strict=True)))
    assert rows_of(reply) == expected
    assert reply.json()["fingerprint"] == classifier.ensemble.fingerprint()
    assert rows_of(post(client, files[1])) == [{**expected[1], "page": "page"}]
    assert expected[2]["why"].startswith("unreadable: page: not a picture but text")


def test_requests_that_come_together_are_answered_together_and_alike(
    client: TestClient, service: Service, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [rows_of(post(client, data)) for data in files]
    batches: list[int] = []
    monkeypatch.setattr(service.batcher, "_on_batch", batches.append)
    with ThreadPoolExecutor(len(files)) as threads:
        together = list(threads.map(lambda data: rows_of(post(client, data)), files))
    assert together == alone
    assert sum(batches) == len(files) > len(batches)


def test_files_of_several_pages_are_answered_as_predict_answers_them(
    client: TestClient, classifier: Classifier, files: list[bytes], tmp_path: Path
) -> None:
    pictures = [Image.open(BytesIO(data)) for data in files[:3]]
    pictures[0].save(tmp_path / "one.pdf")
    pictures[0].save(tmp_path / "three.tif", save_all=True, append_images=pictures[1:])
    paths = [tmp_path / "one.pdf", tmp_path / "three.tif"]
    ((_, _, part),) = answer_files(classifier, paths, tmp_path / "parts")
    names = ["one.pdf", "three.tif#1", "three.tif#2", "three.tif#3"]
    assert [Path(page).name for page in part["page"]] == names
    reply = client.post("/predict", files=form(*((path.name, path.read_bytes()) for path in paths)))
    assert rows_of(reply) == answers_of(part.drop(columns=["page", "file", "picture"]), names)


def test_a_photo_that_kills_its_decoder_costs_its_own_row_only(
    client: TestClient, service: Service, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "take_apart", deadly.take_apart_or_die)
    reply = client.post("/predict", files=form(("ok", files[0]), ("13", b"13"), ("ok", files[1])))
    first, killer, second = rows_of(reply)
    assert "decoding it ended its worker, for want of memory or after 10 seconds" in killer["why"]
    assert (killer["confidence"], killer["needs_review"], killer["probabilities"]) == (0, True, None)
    assert [first["probabilities"], second["probabilities"]] == [
        rows_of(post(client, data))[0]["probabilities"] for data in files[:2]
    ]


def bomb(width: int, height: int) -> bytes:
    """A few bytes that claim to be as large as that."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def tiff(pages: int) -> bytes:
    frames = [Image.new("L", (9, 9), shade) for shade in range(pages)]
    frames[0].save(buffer := BytesIO(), "TIFF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


REFUSALS: dict[str, tuple[dict[str, Any], int, str]] = {
    "bytes": ({"content": b"x" * (8 << 20) + b"x", "headers": PNG}, 413, "Expected at most 8 megabytes"),
    "bytes that come piece by piece": (
        {"content": [b"x" * (1 << 20)] * 9, "headers": PNG},
        413,
        "Expected at most 8 megabytes",
    ),
    "pixels": ({"content": bomb(1001, 1000), "headers": PNG}, 413, "Expected pages of at most 1 megapixels"),
    "a bomb": ({"content": bomb(60_000, 60_000), "headers": PNG}, 413, "Expected pages of at most 1 megapixels"),
    "pages": ({"content": tiff(5), "headers": {"content-type": "image/tiff"}}, 413, "Expected at most 4 pages"),
    "pages of all files": ({"files": form(*[("a.tif", tiff(3))] * 2)}, 413, "Expected at most 4 pages"),
    "files": ({"files": form(*[("a.png", b"x")] * 5)}, 413, "Expected at most 4 pages"),
    "an empty body": ({"content": b"", "headers": PNG}, 400, "Expected at least one image"),
    "a form without files": ({"files": [("name", (None, "text"))]}, 400, "Expected at least one image"),
    "a cut form": (
        {"content": b"--b\r\nContent-Dis", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        400,
        "Expected a whole multipart form|Expected at least one image",
    ),
    "no boundary": (
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        400,
        "Expected the boundary",
    ),
    "another type": ({"json": {}}, 415, "Expected a multipart form of files, or a body that is an image"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_over_a_limit_or_no_upload_is_refused_in_a_sentence(client: TestClient, name: str) -> None:
    request, status, sentence = REFUSALS[name]
    if isinstance(request.get("content"), list):
        request = {**request, "content": iter(request["content"])}
    reply = client.post("/predict", **request)
    assert (reply.status_code, list(reply.json())) == (status, ["error"])
    assert re.match(sentence, reply.json()["error"])
    assert not LEAKS.search(reply.text)


@pytest.fixture
def stuck(service: Service, monkeypatch: pytest.MonkeyPatch) -> list["Future[pd.DataFrame]"]:
    """A batcher that never answers."""
    asked: list[Future[pd.DataFrame]] = []

    def submit(classifier: Classifier, pages: list[bytes]) -> "Future[pd.DataFrame]":
        asked.append(Future())
        return asked[-1]

    monkeypatch.setattr(service.batcher, "submit", submit)
    return asked


def test_an_answer_that_takes_too_long_is_504_and_is_given_up(
    client: TestClient, service: Service, files: list[bytes], stuck: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "limits", Limits(seconds=1))
    reply = post(client, files[0])
    assert (reply.status_code, reply.json()["error"][:33]) == (504, "Expected to answer within 1 secon")
    assert stuck[0].cancelled()


def test_an_upload_that_takes_too_long_is_408(
    client: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(upload: Upload) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(service, "limits", Limits(seconds=1))
    monkeypatch.setattr(Upload, "files", never)
    reply = post(client, b"x")
    assert (reply.status_code, reply.json()["error"][:26]) == (408, "Expected the whole request")


def test_uploads_that_are_more_than_may_be_held_are_told_when_to_come_again(
    client: TestClient, service: Service, files: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service._held, "_most", 10)
    reply = post(client, files[0])
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "2")
    monkeypatch.undo()
    assert service._held._now == 0
    assert post(client, files[0]).status_code == 200


def test_without_a_token_other_hosts_and_other_pages_get_nothing(client: TestClient, files: list[bytes]) -> None:
    assert post(client, files[0], origin=OWN).status_code == 200
    for headers in ({"host": "evil.example"}, {"host": f"127.0.0.1:{PORT + 1}"}):
        assert client.get("/health", headers=headers).status_code == 400
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert post(client, files[0], **headers).status_code == 403


def test_with_a_token_only_who_knows_it_is_answered_by_any_name(service: Service, files: list[bytes]) -> None:
    client = TestClient(create_app(service, PORT, TOKEN), base_url="https://pages.example")
    for given in (None, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer tøken"):
        headers = {} if given is None else {"authorization": given.encode()}
        for path in ("/predict", "/explain?target=2", "/reload"):
            reply = client.post(path, content=files[0], headers={**PNG, **headers})
            assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
        for path in ("/metrics", "/ensemble"):
            assert client.get(path, headers=headers).status_code == 401
    for path in ("/", "/health", "/openapi.json"):
        assert client.get(path).status_code == 200
    assert post(client, files[0], authorization=f"Bearer {TOKEN}").status_code == 200
    assert client.post("/reload", headers={"authorization": f"Bearer {TOKEN}"}).json()["reloaded"] is False


def test_without_a_token_nobody_reloads_over_http(client: TestClient) -> None:
    assert client.post("/reload").status_code == 403


def test_a_heat_map_is_a_picture_and_only_of_classes_that_a_network_knows(
    client: TestClient, files: list[bytes]
) -> None:
    reply = client.post("/explain?target=2", content=files[0], headers=PNG)
    with Image.open(BytesIO(reply.content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (512, 512))
    for target in ("7", "²", "", "9" * 30):
        assert client.post(f"/explain?target={target}", content=files[0], headers=PNG).status_code == 400
    assert client.post("/explain?target=2", content=b"none", headers=PNG).status_code == 400
    assert client.post("/explain?target=2", content=tiff(2), headers=PNG).status_code == 400


def test_figures_count_what_was_answered(client: TestClient, service: Service, files: list[bytes]) -> None:
    def figure(name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    names = ("docsort_confidence_count", "docsort_pages_unreadable_total", "docsort_pages_needing_review_total")
    answered = 'docsort_requests_total{route="/predict",status="200"}'
    before = [figure(name) for name in (*names, answered)]
    rows = rows_of(client.post("/predict", files=form(("a", files[0]), ("b", b"x"))))
    after = [figure(name) for name in (*names, answered)]
    review = sum(row["needs_review"] for row in rows)
    assert [late - early for early, late in zip(before, after, strict=True)] == [2, 1, review, 1]
    assert figure(f'docsort_ensemble{{fingerprint="{service.model.now.fingerprint}"}}') == 1
    client.get("/" + "x" * 50)
    assert "xxxxx" not in client.get("/metrics").text


def test_the_description_names_every_route_and_every_status(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    pages = {"/", "/docs", "/openapi.json", "/favicon.ico", *(f"/{name}" for name in PAGE_FILES)}
    for path, methods in described["paths"].items():
        for method in methods:
            assert client.request(method, path).status_code not in (404, 405)
    assert not pages & set(described["paths"])
    fields = described["components"]["schemas"]["Answer"]["properties"]
    assert list(fields)[:4] == ["page", "target", "class_name", "confidence"]
    references = re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(described))
    assert set(references) <= set(described["components"]["schemas"])


def test_no_page_asks_anything_of_another_place_or_holds_a_script(client: TestClient) -> None:
    for path in ("/", "/docs", *(f"/{name}" for name in PAGE_FILES)):
        reply = client.get(path)
        assert reply.status_code == 200
        assert re.findall(r"https?://|[\"'(]//\w", reply.text) == []
        assert re.findall(r"<script(?! src=)|<style| style=| on\w+=\"|innerHTML|eval\(", reply.text) == []
        assert "unsafe" not in reply.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/../app.py", "/page/page.js", "/index.html", "/%2e%2e/app.py", "/predict/", "/x"])
def test_nothing_else_is_to_be_had(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert (reply.status_code, reply.json()) == (404, {"error": "There is nothing at this address."})


def test_what_fails_unforeseen_says_nothing_of_the_inside(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(request: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(service, "answer", fail)
    client = TestClient(create_app(service, PORT, None), base_url=OWN, raise_server_exceptions=False)
    reply = post(client, b"x")
    assert (reply.status_code, "secret" in reply.text) == (500, False)


def test_memory_of_uploads_is_given_back_whatever_came_of_them(client: TestClient, service: Service) -> None:
    threads = threading.active_count()
    for request, _, _ in REFUSALS.values():
        if not isinstance(request.get("content"), list):
            client.post("/predict", **request)
    assert service._held._now == 0
    assert threading.active_count() <= threads + 2


def test_the_network_that_counts_most_explains_and_a_specialist_only_where_no_other_can(classifier: Classifier) -> None:
    ensemble = classifier.ensemble
    main, other = explaining_member(ensemble, 2), explaining_member(ensemble, 5)
    assert main == other
    assert main is not None
    assert (main.name, main.fold) == ("main", 0)
    manifest = ensemble.manifest
    for weights, name in (({"pair": 1.0}, "pair"), ({"p_2": {"main": 0.1, "pair": 0.9}, "p_9": {"main": 0.2}}, "pair")):
        plan = replace(manifest.decisions.plan, weights=weights)
        decisions = replace(manifest.decisions, plan=plan)
        changed = explaining_member(replace(ensemble, manifest=replace(manifest, decisions=decisions)), 2)
        assert changed is not None
        assert changed.name == name
    kernels = tuple(member for member in manifest.members if member.name == "kernel")
    assert kernels
    assert explaining_member(replace(ensemble, manifest=replace(manifest, members=kernels)), 2) is None
