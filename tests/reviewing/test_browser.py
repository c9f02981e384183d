"""The page in a real browser, judged by keyboard. Skipped where no Chromium is installed."""

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright
from reviewed_answers import UNSURE, AnswerJob
from reviewed_job import CLASSES, HAND_WRITTEN, HOSTILE, Job, page_id, serve_job

from docsort.cleaning.ledger import resolve_answers, resolve_ledger
from docsort.ingestion.reviewed_pages import add_reviewed_pages
from docsort.reviewing.final_answers import decide_answers
from docsort.stores import Store
from docsort.tables import ANSWER_LEDGER, PHOTOS, is_reviewed
from docsort.user_tables import read_user_table

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

Serve = Callable[..., tuple[str, Any]]


@pytest.fixture
def serve(job: Job) -> Iterator[Serve]:
    """Starts the page's server in a process of its own; returns its URL and the process."""
    spawn = multiprocessing.get_context("spawn")
    processes = []

    def start(port: int, job: Job | AnswerJob = job) -> tuple[str, Any]:
        started = spawn.Queue()
        process = spawn.Process(target=serve_job, args=(job, port, started), daemon=True)
        process.start()
        processes.append(process)
        return started.get(timeout=60), process

    yield start
    for process in processes:
        process.kill()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[BrowserContext]:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, headless=True, args=list(FLAGS), timeout=60_000
        )
        context.set_default_timeout(20_000)
        yield context
        context.close()


def wait_for(page: Page, image_id: str) -> None:
    page.wait_for_function("id => document.body.dataset.ready === id", arg=image_id)


def judge(page: Page, shown: int, *keys: str) -> None:
    """Presses the keys once the card of page `shown` may be judged."""
    wait_for(page, page_id(shown))
    for key in keys:
        page.keyboard.press(key)


def rows(job: Job) -> dict[str, tuple[str, str, str]]:
    """Action, new label and reason by image."""
    table = pd.read_csv(job.ledger_path, dtype=str, keep_default_na=False)
    decided = resolve_ledger(job.train, table, CLASSES)
    return {row.image_id: (row.action, row.new_label, row.reason) for row in decided.itertuples()}


JUDGED = {
    page_id(0): ("keep", "", ""),
    page_id(1): ("relabel", "7", ""),
    page_id(2): ("drop", "", ""),
    page_id(3): ("undecided", "", ""),
    page_id(4): ("relabel", "14", ""),  # by number
    page_id(5): ("relabel", "14", ""),  # by a part of its name
    page_id(6): ("drop", "", "blank kid"),  # letters that are keys elsewhere
    page_id(7): ("keep", "", ""),
    page_id(8): ("keep", "", ""),
    page_id(9): ("relabel", "7", ""),
}
BY_HAND = {page_id(20): ("undecided", "", "cropped"), page_id(23): ("relabel", "14", "said, by two\nreaders")}


def judge_ten(page: Page) -> None:
    """As JUDGED says; each key waits for its card."""
    keys = [["k"], ["r"], ["d"], ["u"], ["o", "1", "4", "Enter"], ["o", *"pinion", "Enter"]]
    keys += [["e", *"blank kid", "Enter", "d"], ["n"]]
    for shown, pressed in enumerate(keys):
        judge(page, shown, *pressed)
    judge(page, 8, "p")
    for shown in (7, 8):
        judge(page, shown, "k")
    judge(page, 9, "r")
    wait_for(page, page_id(10))


def test_ten_cards_are_judged_by_keyboard_survive_a_kill_and_a_reload_and_are_undone(
    serve: Serve, browser: BrowserContext, job: Job
) -> None:
    url, server = serve(0)
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    judge_ten(page)
    assert rows(job) == JUDGED | BY_HAND

    server.kill()  # SIGKILL
    server.join()
    serve(int(url.rstrip("/").rpartition(":")[2]))
    page.reload()
    wait_for(page, page_id(10))
    assert page.inner_text("#count") == "10 of 20 decided"
    assert page.inner_text("#place") == "1 of 10 ·"

    for shown in (9, 8):
        page.keyboard.press("z")
        wait_for(page, page_id(shown))
        assert page.inner_text("#count") == f"{shown} of 20 decided"
    assert rows(job) == {name: row for name, row in JUDGED.items() if name < page_id(8)} | BY_HAND
    judge(page, 8, "d")
    wait_for(page, page_id(9))
    assert rows(job)[page_id(8)] == ("drop", "", "")
    for line in HAND_WRITTEN.splitlines():
        assert line in job.ledger_path.read_text()
    assert problems == []


def test_hostile_text_is_shown_and_not_run_and_a_card_is_all_there_is_in_the_document(
    serve: Serve, browser: BrowserContext
) -> None:
    page = browser.new_page()
    page.goto(serve(0)[0])
    wait_for(page, page_id(0))
    assert page.title() == "Label review"
    assert HOSTILE in page.inner_text("#labels")
    assert HOSTILE in page.inner_text("#evidence")
    assert page.locator("script").count() == 1
    assert page.locator("img").count() < 10
    page.wait_for_function("() => document.querySelector('#page').naturalWidth > 0")
    page.wait_for_function("() => [...document.querySelectorAll('#near img')].every((image) => image.naturalWidth > 0)")


def test_the_slower_of_two_tabs_sees_what_the_other_decided_before_it_overwrites(
    serve: Serve, browser: BrowserContext, job: Job
) -> None:
    url = serve(0)[0]
    fast, slow = browser.new_page(), browser.new_page()
    for page in (fast, slow):
        page.goto(url)
        wait_for(page, page_id(0))
    judge(fast, 0, "d")
    wait_for(fast, page_id(1))
    slow.keyboard.press("k")
    slow.wait_for_function("() => document.querySelector('#decision').textContent.startsWith('Decided: drop')")
    assert "press again to overwrite" in slow.inner_text("#message")
    assert rows(job)[page_id(0)] == ("drop", "", "")
    judge(slow, 0, "k")
    wait_for(slow, page_id(1))
    assert rows(job)[page_id(0)] == ("keep", "", "")
    fast.keyboard.press("z")
    fast.wait_for_function("() => document.querySelector('#message').textContent.startsWith('Not undone')")
    assert rows(job)[page_id(0)] == ("keep", "", "")


def test_twenty_unsure_pages_are_judged_and_stand_in_the_final_answers_and_in_the_next_training(
    serve: Serve, browser: BrowserContext, answer_job: AnswerJob, tmp_path: Path
) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(serve(0, answer_job)[0])
    ids = [card["image_id"] for card, _ in answer_job.review().judged_cards()][:UNSURE]
    wait_for(page, ids[0])
    assert page.title() == "Answer review"
    assert page.inner_text("#labels").splitlines()[::2] == [f"7 {HOSTILE}", "3 admission", '14 o"pinion & more']
    assert page.inner_text("#evidence") == "confidence 0.400 below 0.900"
    page.wait_for_function("() => document.querySelector('#page').naturalWidth > 0")
    for key, laid in (("t", "rotate(90deg)"), ("m", "rotate(270deg) scale(-"), ("t", "rotate(0deg) scale(-")):
        page.keyboard.press(key)
        assert laid in str(page.get_attribute("#page", "style"))
    for number, image_id in enumerate(ids):
        wait_for(page, image_id)
        for key in (["k"], ["r"], ["d"], ["o", "1", "4", "Enter"])[number % 4]:
            page.keyboard.press(key)
    page.wait_for_function("() => document.querySelector('#count').textContent === '20 of 23 decided'")
    assert problems == []

    decided = resolve_answers(read_user_table(answer_job.ledger_path, ANSWER_LEDGER), CLASSES).set_index("sha256")
    final, told = decide_answers(answer_job.answers, decided.reset_index())
    by_page = final.drop_duplicates("sha256").set_index("sha256").loc[ids]
    models = by_page["model_target"].tolist()
    said = [[model, 7 if model == 3 else 3, None, 14][number % 4] for number, model in enumerate(models)]
    assert [None if pd.isna(target) else target for target in by_page["target"]] == said
    assert told.startswith("Of 26 answers a person changed 10, 5 confirmed, 6 of no class")
    photos, store = pd.DataFrame(columns=list(PHOTOS)), Store(tmp_path / "pages")
    listed = add_reviewed_pages(photos, CLASSES, decided.reset_index(), answer_job.ledger_path, store)
    joined = listed[is_reviewed(listed)]
    assert sorted(joined["target"]) == sorted(target for target in said if target is not None)
