"""The leaderboard of a queue, kept in its folder and as a run of its own in MLflow, beside the runs that it compares.

The report of a run has none: it is written when that run ends, and the others may not have.
"""

from pathlib import Path

from docsort.experiments.leaderboard import CSV_FILE, HTML_FILE, JSON_FILE, make_leaderboard, write_leaderboard
from docsort.experiments.queue import Queue
from docsort.tracking import FINISHED, Tracker, tracking_is_on


def keep_leaderboard(queue: Queue, project: Path) -> None:
    """project: the folder whose MLflow takes it, where runs are tracked. Raises InputError where none has finished."""
    board = make_leaderboard(queue)
    write_leaderboard(board, queue.folder)
    if not tracking_is_on():
        return
    tracker = Tracker(project)
    names = ", ".join(sorted({str(data) for data in board.table["data"]}))
    tracker.start(
        f"leaderboard of {len(board.table)} · {names} · {queue.folder.name}", {"leaderboard": queue.folder}, {}
    )
    tracker.describe("\n\n".join(board.lines()))
    for name in (HTML_FILE, CSV_FILE, JSON_FILE):
        tracker.log_file(queue.folder / name, "leaderboard")
    tracker.end(FINISHED)
