"""The page in a real browser: a photo is dropped, answered, explained. Skipped where no Chromium is installed."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
HOSTILE = "<img src=x onerror=document.title='owned'>.png"


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_photo_is_answered_and_explained_and_a_hostile_name_is_text(
    started: Any, files: list[bytes], tmp_path: Path
) -> None:
    problems: list[str] = []
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, headless=True, args=list(FLAGS), timeout=60_000
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.set_viewport_size({"width": 360, "height": 700})
        page.goto(f"http://127.0.0.1:{started.port}/")
        given = [
            {"name": HOSTILE, "mimeType": "image/png", "buffer": files[0]},
            {"name": "broken.png", "mimeType": "image/png", "buffer": b"nothing"},
        ]
        page.set_input_files("#file", given)  # type: ignore[arg-type]
        page.wait_for_function("() => document.querySelectorAll('.card:not(.waiting)').length === 2")
        assert page.locator(".name").first.inner_text() == HOSTILE
        assert page.locator(".card").first.locator("meter").count() == 3
        assert page.locator(".card").last.locator("h2").inner_text() == "Cannot be read"
        assert "not a picture but text" in page.locator(".card").last.locator(".why").inner_text()
        page.get_by_text("Where it looked").click()
        page.wait_for_function("() => document.querySelector('.photo img').naturalWidth === 512")
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert page.title() == "Docsort"
        context.close()
    assert problems == []
