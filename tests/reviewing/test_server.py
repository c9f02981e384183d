"""The page's server: what it answers, to whom, and what it refuses."""

import re
import socket
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from reviewed_job import CLASSES, HAND_WRITTEN, HOSTILE, Job, page_id
from starlette.testclient import TestClient

from docsort.errors import InputError
from docsort.reviewing.decisions import NO_ROW
from docsort.reviewing.server import MAX_BODY, SIDES, create_app, serve

PORT = 4142
TOKEN = "t0ken"
OWN = f"http://127.0.0.1:{PORT}"
WRITE = {"x-docsort-token": TOKEN, "origin": OWN, "sec-fetch-site": "same-origin"}
FIRST = page_id(0)
READS = ("/", "/page.js", "/api/summary", "/api/cards", f"/api/card?id={FIRST}", f"/image?id={FIRST}")


def wish(**changes: Any) -> dict[str, Any]:
    return {"image_id": FIRST, "action": "relabel", "new_label": "7", "reason": "", "version": NO_ROW, **changes}


@pytest.fixture
def client(job: Job) -> TestClient:
    return TestClient(create_app(job.review(), job.paths, PORT, TOKEN), base_url=OWN)


def test_the_page_carries_the_token_and_asks_nothing_of_any_other_place(client: TestClient) -> None:
    reply = client.get("/")
    assert reply.status_code == 200
    assert f'<meta name="token" content="{TOKEN}">' in reply.text
    assert re.findall(r"https?://|//\w", reply.text) == []
    for asset in re.findall(r'(?:src|href)="([^"]+)"', reply.text):
        assert client.get(asset).status_code == 200


def test_no_script_or_style_stands_in_the_page_and_the_policy_allows_none(client: TestClient) -> None:
    reply = client.get("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?! src=)|<style| style=| on\w+=", reply.text) == []


def test_the_script_never_parses_data_as_html() -> None:
    script = (Path(__file__).parents[2] / "src/docsort/reviewing/page/page.js").read_text()
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", script) == []


@pytest.mark.parametrize("path", READS)
def test_every_answer_has_the_security_headers_and_stays_out_of_caches(client: TestClient, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 200
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")


def test_hostile_names_and_evidence_travel_as_json_only(client: TestClient) -> None:
    for path in ("/api/summary", f"/api/card?id={FIRST}"):
        reply = client.get(path)
        assert HOSTILE in str(reply.json())
        assert reply.headers["content-type"] == "application/json"
    assert HOSTILE not in client.get("/").text


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""])
@pytest.mark.parametrize("path", READS)
def test_a_name_that_was_made_to_point_here_gets_nothing(client: TestClient, path: str, host: str) -> None:
    reply = client.get(path, headers={"host": host})
    assert reply.status_code == 400
    assert TOKEN not in reply.text


def test_localhost_is_our_own_address_too(client: TestClient) -> None:
    host = f"localhost:{PORT}"
    assert client.get("/", headers={"host": host}).status_code == 200
    headers = {**WRITE, "host": host, "origin": f"http://{host}"}
    assert client.post("/api/decide", json=wish(), headers=headers).status_code == 200


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": f"http://127.0.0.1:{PORT + 1}"},
    {"origin": f"https://127.0.0.1:{PORT}"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_requests_that_other_pages_cause_are_refused(client: TestClient, job: Job, headers: dict[str, str]) -> None:
    for path in READS:
        assert client.get(path, headers=headers).status_code == 403
    assert client.post("/api/decide", json=wish(), headers={**WRITE, **headers}).status_code == 403
    assert job.ledger_path.read_text() == HAND_WRITTEN


@pytest.mark.parametrize("token", [None, "", "t0keN", "tøken".encode()])
@pytest.mark.parametrize("path", ["/api/decide", "/api/undo"])
def test_a_write_without_the_token_is_refused(client: TestClient, job: Job, path: str, token: Any) -> None:
    headers: dict[str, Any] = {name: value for name, value in WRITE.items() if name != "x-docsort-token"}
    if token is not None:
        headers["x-docsort-token"] = token
    assert client.post(path, json=wish(), headers=headers).status_code == 403
    assert job.ledger_path.read_text() == HAND_WRITTEN


def test_a_form_cannot_write_and_a_link_cannot_either(client: TestClient, job: Job) -> None:
    assert client.post("/api/decide", data=wish(), headers=WRITE).status_code == 415
    text = {"content-type": "text/plain"}
    assert client.post("/api/decide", content=b"{}", headers={**WRITE, **text}).status_code == 415
    assert client.get("/api/decide").status_code == 405
    assert job.ledger_path.read_text() == HAND_WRITTEN


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 30_000,
        b'{"image_id":' * 2_000,
        b'{"image_id": 3}',
        b'{"image_id": "page_00.jpg"}',
        b'{"image_id":"a","version":"none","extra":1}',
        b'{"image_id":"page_00.jpg","version":"none","action":null}',
        b'{"image_id":"page_00.jpg","version":"none","action":"keep","reason":"\\u0000"}',
        b'{"image_id":"page_00.jpg","version":"none","action":"keep","reason":"\\u001b[2J"}',
        b'{"image_id":"page_00.jpg","version":"none","action":"keep","reason":"\\ud800"}',
        b'{"image_id":"page_00.jpg","version":"none","action":"keep","reason":"\xed\xa0\x80"}',
        b"\xff",
    ],
    ids=lambda body: repr(body[:60]),
)
def test_bodies_that_are_no_decision_are_refused(client: TestClient, job: Job, body: bytes) -> None:
    for path in ("/api/decide", "/api/undo"):
        reply = client.post(path, content=body, headers={**WRITE, "content-type": "application/json"})
        assert (reply.status_code, reply.json()["error"][:21]) == (400, "Expected the fields o")
    assert job.ledger_path.read_text() == HAND_WRITTEN


def test_an_oversized_body_is_refused_whatever_length_it_claims(client: TestClient, job: Job) -> None:
    headers = {**WRITE, "content-type": "application/json"}
    assert client.post("/api/decide", json=wish(reason="x" * MAX_BODY), headers=headers).status_code == 413
    pieces = (b"x" * 1024 for _ in range(MAX_BODY // 1024 + 1))
    assert client.post("/api/decide", content=pieces, headers=headers).status_code == 413
    assert job.ledger_path.read_text() == HAND_WRITTEN


@pytest.mark.parametrize(
    "image_id",
    ["../label_fixes.csv", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "secret_test.jpg", "page_00", "", "page_00.jpg\0"],
)
def test_only_images_of_the_set_are_served_and_only_by_their_id(client: TestClient, image_id: str) -> None:
    assert client.get("/image", params={"id": image_id}).status_code == 404
    assert client.get("/api/card", params={"id": image_id}).status_code == 404


@pytest.mark.parametrize("path", ["/../cli.py", "/page/page.js", "/%2e%2e/review.py", "/index.html.jinja", "/docs"])
def test_no_other_file_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(("side", "longest"), [("small", SIDES["small"]), ("large", 600), ("full", 600)])
def test_photos_are_made_smaller_and_never_larger(client: TestClient, side: str, longest: int) -> None:
    reply = client.get("/image", params={"id": FIRST, "side": side})
    with Image.open(BytesIO(reply.content)) as picture:
        assert (picture.format, max(picture.size)) == ("JPEG", longest)
    assert client.get("/image", params={"id": FIRST, "side": "9999"}).status_code == 404


def test_a_photo_that_is_gone_is_not_found_and_the_page_goes_on(job: Job, tmp_path: Path) -> None:
    paths = {**job.paths, FIRST: str(tmp_path / "gone.jpg")}
    client = TestClient(create_app(job.review(), paths, PORT, TOKEN), base_url=OWN)
    assert client.get("/image", params={"id": FIRST}).status_code == 404
    assert client.get("/api/card", params={"id": FIRST}).status_code == 200


def test_a_decision_is_written_counted_and_undone(client: TestClient, job: Job) -> None:
    done = client.post("/api/decide", json=wish(), headers=WRITE)
    assert done.status_code == 200
    assert (done.json()["before"], done.json()["decided"], done.json()["total"]) == (None, 1, 20)
    assert client.get("/api/card", params={"id": FIRST}).json()["decision"]["action"] == "relabel"
    back = {"image_id": FIRST, "before": None, "version": done.json()["version"]}
    undone = client.post("/api/undo", json=back, headers=WRITE).json()
    assert undone["before"].startswith(f"{FIRST},relabel,3,7,")
    assert (undone["version"], undone["decided"]) == (NO_ROW, 0)
    assert job.ledger_path.read_text() == HAND_WRITTEN


def test_the_second_of_two_tabs_is_told_what_the_first_decided(client: TestClient, job: Job) -> None:
    assert client.post("/api/decide", json=wish(action="drop"), headers=WRITE).status_code == 200
    late = client.post("/api/decide", json=wish(), headers=WRITE)
    assert late.status_code == 409
    assert late.json()["card"]["decision"]["action"] == "drop"
    again = client.post("/api/decide", json=wish(version=late.json()["card"]["version"]), headers=WRITE)
    assert again.status_code == 200
    assert client.get("/api/card", params={"id": FIRST}).json()["decision"]["action"] == "relabel"


def test_what_is_wrong_is_said_in_a_sentence(client: TestClient, job: Job) -> None:
    reply = client.post("/api/decide", json=wish(new_label="99"), headers=WRITE)
    assert (reply.status_code, reply.json()["error"][:36]) == (400, "Expected new_label to name a class o")
    job.ledger_path.unlink()
    reply = client.post("/api/decide", json=wish(), headers=WRITE)
    assert (reply.status_code, reply.json()["error"][:20]) == (503, "Expected a ledger at")


@pytest.mark.parametrize("label", ["²", "--5", "٧", "9" * 5000, "-" * 5000, ""])
def test_labels_that_look_like_numbers_are_no_classes(client: TestClient, job: Job, label: str) -> None:
    reply = client.post("/api/decide", json=wish(new_label=label), headers=WRITE)
    assert (reply.status_code, reply.json()["error"][:36]) == (400, "Expected new_label to name a class o")
    assert job.ledger_path.read_text() == HAND_WRITTEN


@pytest.mark.parametrize(
    "row",
    [
        "{0},explode,3,,,,,",
        "{0},,,,,,,",
        "{0},relabel,3,99,,,,",
        "{0},relabel,7,14,,,,",
        "{0},drop,3,7,,,,",
        "{0},keep,,,,,,yesterday",
        "{0},keep,²,,,,,",
        "page_01.jpg,keep,,,,,,",
        '{0},keep,,,"open,,,',
    ],
)
def test_undo_puts_back_no_row_that_a_run_would_refuse(client: TestClient, job: Job, row: str) -> None:
    done = client.post("/api/decide", json=wish(), headers=WRITE).json()
    written = job.ledger_path.read_bytes()
    back = {"image_id": FIRST, "version": done["version"]}
    reply = client.post("/api/undo", json={**back, "before": row.format(FIRST)}, headers=WRITE)
    assert reply.status_code == 400
    assert job.ledger_path.read_bytes() == written
    honest = f"{FIRST},keep,3,,,,,2026-11-03"
    assert client.post("/api/undo", json={**back, "before": honest}, headers=WRITE).status_code == 200
    assert honest in job.ledger_path.read_text()


def test_a_damaged_photo_is_not_found_and_the_page_goes_on(job: Job, tmp_path: Path) -> None:
    """Cut, empty, none at all, and one that claims to be larger than anything may be."""
    with Image.open(job.paths[FIRST]) as photo:
        photo.save(buffer := BytesIO(), format="PNG")
    whole = buffer.getvalue()
    bomb = whole[:16] + struct.pack(">II", 60_000, 60_000) + whole[24:]
    bomb = bomb[:29] + struct.pack(">I", zlib.crc32(bomb[12:29])) + bomb[33:]
    for name, data in {"cut": whole[:2000], "empty": b"", "text": b"no photo", "bomb": bomb}.items():
        (tmp_path / name).write_bytes(data)
        client = TestClient(create_app(job.review(), {**job.paths, FIRST: str(tmp_path / name)}, PORT, TOKEN), OWN)
        reply = client.get("/image", params={"id": FIRST})
        assert (reply.status_code, reply.json()) == (404, {"error": "The photo cannot be read."}), name
        assert client.get("/image", params={"id": page_id(1)}).status_code == 200


def test_a_port_that_is_taken_is_an_error_of_the_users(job: Job) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"Expected port {port} to be free"):
            serve(job.review(), job.paths, port, print)


def test_a_list_of_thousands_is_ids_alone(job: Job, client: TestClient) -> None:
    assert set(client.get("/api/cards").json()) == {"ids", "decided", "total"}
    assert [row["name"] for row in client.get("/api/summary").json()["classes"]] == CLASSES["class_name"].tolist()
