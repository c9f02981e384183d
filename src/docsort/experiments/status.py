"""What the queue says of itself: a table, the time that is left, and the best so far."""

import math
import time
from collections.abc import Sequence

from docsort.experiments.queue import Queue, Standing
from docsort.experiments.records import forecast_text
from docsort.experiments.running import LOG_FILE, progress_in

STATES = ("running", "waiting", "failed", "cancelled", "finished")


def tell_status(queue: Queue) -> list[str]:
    """Lines for a terminal. Raises InputError where there is no queue."""
    found = queue.require().standings()
    counts = {state: sum(each.state == state for each in found) for state in STATES}
    head = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    rows = [_row(queue, each) for each in sorted(found, key=lambda each: STATES.index(each.state))]
    lines = [f"{len(found)} experiments in {queue.folder}: {head}", *_aligned(rows), *_times(queue, found)]
    done = [each for each in found if each.state == "finished"]
    if done:
        best = max(done, key=lambda each: each.result["forecast"])
        lines.append(
            f"Best forecast so far: {best.job.name}, {forecast_text(best.result)}; `docsort experiments leaderboard` "
            "says what that is worth."
        )
    return lines


def remaining_s(found: Sequence[Standing]) -> float | None:
    """Seconds until all are done, by the mean of the finished and by how many run at a time; None where none is
    finished, as nobody knows."""
    times = [each.result["seconds"] for each in found if each.state == "finished"]
    running = sum(each.state == "running" for each in found)
    left = running + sum(each.state == "waiting" for each in found)
    if not left:
        return 0.0
    return math.ceil(left / max(1, running)) * sum(times) / len(times) if times else None


def duration(seconds: float) -> str:
    """In the two largest units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _row(queue: Queue, each: Standing) -> tuple[str, ...]:
    state = each.state if not each.job.priority else f"{each.state} (priority {each.job.priority})"
    if each.state == "finished":
        return each.job.name, state, duration(each.result["seconds"]), forecast_text(each.result)
    if each.state == "running" and each.holder is not None:
        took = max(0.0, time.time() - each.holder.since)  # the clock of another machine may differ
        return each.job.name, state, duration(took), progress_in(queue.run_folder(each.job) / LOG_FILE)
    tries = f"after {each.failures} tries: " if each.failures > 1 else ""
    return each.job.name, state, "", f"{tries}{each.why}" if each.why else ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    table = [("experiment", "state", "took", "forecast, how far, or why not"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    padded = [[*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]] for row in table]
    return ["  ".join(row).rstrip() for row in padded]


def _times(queue: Queue, found: Sequence[Standing]) -> list[str]:
    left, budget = remaining_s(found), queue.budget_s()
    lines = []
    if left is None:
        lines.append("Time left: not known before one has finished.")
    elif left:
        lines.append(f"Time left: about {duration(left)}, as the finished ones took.")
    if budget is not None:
        lines.append(f"Of the budget of {duration(budget)} {duration(queue.spent_s())} are used.")
    return lines
