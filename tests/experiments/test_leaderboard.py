"""The leaderboard of finished runs: in a table, in words, as a page, and as a submission."""

import json
from pathlib import Path

import pandas as pd
import pytest
from tiny_runs import planned, write_results

from docsort.errors import InputError
from docsort.experiments.leaderboard import (
    CSV_FILE,
    JSON_FILE,
    Leaderboard,
    chosen,
    make_leaderboard,
    submission_of,
    tell_forecast,
    tell_table,
    write_leaderboard,
)
from docsort.experiments.queue import Queue
from docsort.experiments.records import COLUMNS, record_of
from docsort.experiments.running import LOG_FILE
from docsort.experiments.status import duration, tell_status

RUNS = {"dear": (0.95, 40.0, 0.93), "cheap": (0.95, 5.0, 0.96), "<poor>": (0.5, 5.0, None)}


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    found = Queue(tmp_path / "queue")
    for name, (score, passes, true) in RUNS.items():
        finish(found, name, score, passes, true)
    return found


def finish(queue: Queue, name: str, score: float, passes: float, true: float | None, data: str = "sample") -> None:
    key, one = planned(name)
    (job,) = queue.add([(key, one.__class__(**{**vars(one), "data": data}))])
    write_results(queue.data_root(job), score, passes, true)
    queue.finish(job, {**record_of(job, queue.data_root(job)), "seconds": 60.0 * passes})


@pytest.fixture
def board(queue: Queue) -> Leaderboard:
    return make_leaderboard(queue)


def test_a_row_has_what_the_run_wrote(board: Leaderboard) -> None:
    row = board.table.set_index("experiment").loc["dear"]
    assert list(board.table.columns) == list(COLUMNS)
    assert (row["backbone"], row["size"], row["loss"], row["renders"]) == ("lcnet_035", 48, "cross_entropy", 2)
    assert (row["train"], row["clean"], row["test_like"]) == (0.5, 0.96, 0.95)
    assert tuple(row[["forecast", "low", "high", "true"]]) == pytest.approx((0.95, 0.93, 0.97, 0.93))
    assert (row["passes"], row["seconds"], row["difference"]) == (40.0, 2400.0, pytest.approx(0.02))


def test_the_words_say_who_is_really_better_and_the_cheapest_as_good_is_taken(board: Leaderboard) -> None:
    text = "\n".join(board.lines())
    assert board.best == {"sample": "cheap"}
    assert "It is really better than “<poor>”, also after 3 were compared." in text
    assert "Take “cheap”: the cheapest within one standard error of the lead." in text
    assert "answers these pages just as well." in text


def test_the_files_say_the_same_as_the_table(board: Leaderboard, tmp_path: Path) -> None:
    page = write_leaderboard(board, tmp_path).read_text()
    assert pd.read_csv(tmp_path / CSV_FILE)["experiment"].tolist() == board.table["experiment"].tolist()
    record = json.loads((tmp_path / JSON_FILE).read_text())
    assert (record["lines"], record["compared"]["sample"]["best"]) == (board.lines(), "cheap")
    assert record["rows"][-1]["true"] is None
    assert "&lt;poor&gt;" in page
    assert "<poor>" not in page
    assert "<script" not in page
    assert page.count('<circle class="dot"') == 3 + 3
    assert page.count('<rect class="true"') == 1 + 2


def test_without_an_answer_key_the_page_has_no_true_scores(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    finish(queue, "a", 0.9, 5.0, None)
    page = write_leaderboard(make_leaderboard(queue), tmp_path).read_text()
    assert "true test" not in page.partition("<footer>")[0]
    assert "“a” is the only one that has finished." in page


def test_what_is_the_same_in_all_rows_is_not_in_the_table_of_the_terminal(board: Leaderboard) -> None:
    head, *rows = tell_table(board)
    assert head.split()[:2] == ["experiment", "seconds"]
    assert "backbone" not in head
    assert len(rows) == 3


def test_the_submission_of_the_best_is_copied_with_its_forecast(board: Leaderboard, queue: Queue) -> None:
    job = chosen(board, queue, "best")
    assert job.name == "cheap"
    assert submission_of(queue, job).read_text() == "ID,target\na.jpg,95\n"
    row = board.table.set_index("experiment").loc["cheap"]
    assert tell_forecast(row) == ("forecast: macro-F1 0.950 (95 % interval 0.930 to 0.970); by the answer key 0.960")


def test_a_name_that_has_not_finished_and_a_best_of_two_data_sets_are_refused(queue: Queue) -> None:
    queue.add([planned("later")])
    with pytest.raises(InputError, match="Expected `later` to have finished, but it is waiting; wait, or name another"):
        chosen(make_leaderboard(queue), queue, "later")
    finish(queue, "forms", 0.9, 5.0, None, data="forms")
    board = make_leaderboard(queue)
    assert list(board.comparisons) == ["forms", "sample"]
    with pytest.raises(InputError, match=r"but there are forms \(forms\), cheap \(sample\); name one"):
        chosen(board, queue, "best")


def test_a_queue_in_which_nothing_has_finished_has_no_leaderboard(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    queue.add([planned("a")])
    with pytest.raises(InputError, match="Expected a finished experiment in .*, but there is none yet"):
        make_leaderboard(queue)


def test_the_status_tells_states_time_left_and_the_best_so_far(queue: Queue) -> None:
    queue.add([planned("next"), planned("after", priority=2)])
    queue.set_budget(10)
    head, columns, *rows = tell_status(queue)
    assert head == f"5 experiments in {queue.folder}: 2 waiting, 3 finished"
    assert columns.split() == ["experiment", "state", "took", "forecast,", "how", "far,", "or", "why", "not"]
    assert rows[0].split() == ["after", "waiting", "(priority", "2)"]
    assert rows[4].split() == ["<poor>", "finished", "5", "min", "00", "s", "0.500", "[0.480,", "0.520]"]
    assert rows[5:7] == [
        "Time left: about 33 min 20 s, as the finished ones took.",
        "Of the budget of 10 h 00 min 50 min 00 s are used.",
    ]
    assert rows[7].startswith("Best forecast so far: dear, 0.950 [0.930, 0.970]")


def test_the_status_tells_how_far_a_running_experiment_is(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "queue")
    (job,) = queue.add([planned("next")])
    assert queue.take() == job
    assert "steps" not in tell_status(queue)[2]
    log = queue.run_folder(job) / LOG_FILE
    log.parent.mkdir(parents=True)
    log.write_text("INFO     Finished 1 of 99: a, 0.1 s\nINFO     Finished 16 of 99: b, 0.1 s\nINFO     Running: c\n")
    row = tell_status(queue)[2]
    assert row.split()[:2] == ["next", "running"]
    assert row.split()[-4:] == ["16", "of", "99", "steps"]
    queue.cancel(job, "it was cancelled")
    assert tell_status(queue)[2].split() == ["next", "cancelled", "it", "was", "cancelled"]


def test_how_long_something_takes_is_told_in_two_units() -> None:
    assert [duration(seconds) for seconds in (0, 59, 61, 3599, 7261)] == [
        "0 s",
        "59 s",
        "1 min 01 s",
        "59 min 59 s",
        "2 h 01 min",
    ]
