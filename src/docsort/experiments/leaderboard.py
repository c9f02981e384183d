"""The leaderboard: what each finished experiment scored, and in words which are really better than others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from docsort.errors import InputError
from docsort.experiments.comparison import TINY, Comparison, Difference, compare
from docsort.experiments.queue import Job, Queue
from docsort.experiments.records import COLUMNS, newest, text_of
from docsort.files import write_atomically

CSV_FILE, JSON_FILE, HTML_FILE = "leaderboard.csv", "leaderboard.json", "leaderboard.html"
BEST = "best"
SEED = 0
"""Of the bootstrap draws."""

TOLD = ("forecast", "low", "high", "seconds")
NAMED = 5
"""Most names in a sentence."""


@dataclass(frozen=True)
class Leaderboard:
    """table: COLUMNS, the best forecast first, data set after data set; comparisons and best: by data set; best: the
    simplest that is not worse."""

    table: pd.DataFrame
    comparisons: Mapping[str, Comparison]
    best: Mapping[str, str]

    def lines(self) -> list[str]:
        """What can be said, a few sentences a data set."""
        several = len(self.comparisons) > 1
        return [
            f"{data}: {line}" if several else line
            for data, found in self.comparisons.items()
            for line in _in_words(found, self.best[data])
        ]

    def record(self) -> dict[str, Any]:
        """JSON-able."""
        compared = {
            data: {
                "leader": found.leader,
                "pages": found.pages,
                "critical": found.critical,
                "best": self.best[data],
                "behind": {name: vars(one) for name, one in found.others.items()},
            }
            for data, found in self.comparisons.items()
        }
        rows = self.table.astype(object).where(self.table.notna(), None).to_dict("records")
        return {"rows": rows, "lines": self.lines(), "compared": compared}


def make_leaderboard(queue: Queue) -> Leaderboard:
    """Of all that has finished. Raises InputError where nothing has."""
    done = [each for each in queue.standings() if each.state == "finished"]
    if not done:
        raise InputError(
            f"Expected a finished experiment in {queue.folder}, but there is none yet; `docsort experiments status` "
            "says how far they are."
        )
    table = pd.DataFrame([{**each.result, "experiment": each.job.name} for each in done], columns=list(COLUMNS))
    table = table.sort_values(["data", "forecast"], ascending=[True, False], ignore_index=True)
    jobs = {each.job.name: each.job for each in done}
    comparisons = {str(data): _compared(queue, own["experiment"].tolist(), jobs) for data, own in table.groupby("data")}
    # Not the seconds: of two runs that share what they trained, the second found it made.
    costs = dict(zip(table["experiment"], table["passes"].astype(float), strict=True))
    return Leaderboard(table, comparisons, {data: found.simplest(costs) for data, found in comparisons.items()})


def _compared(queue: Queue, names: Sequence[str], jobs: Mapping[str, Job]) -> Comparison:
    paths = {name: queue.data_root(jobs[name]) / "07_model_output" / "oof_votes.parquet" for name in names}
    return compare({name: pd.read_parquet(newest(path)) for name, path in paths.items()}, SEED)


def write_leaderboard(board: Leaderboard, folder: Path) -> Path:
    """As CSV, JSON and a page, whose path is returned."""
    from docsort.experiments.page import write_page

    write_atomically(folder / CSV_FILE, board.table.to_csv(index=False).encode())
    write_atomically(folder / JSON_FILE, json.dumps(board.record(), indent=1).encode())
    write_atomically(folder / HTML_FILE, write_page(board.table, board.comparisons, board.best, board.lines()).encode())
    return folder / HTML_FILE


def chosen(board: Leaderboard, queue: Queue, name: str) -> Job:
    """The finished experiment of this name; `best`: the simplest that is not worse. Raises InputError."""
    if name == BEST:
        if len(board.best) > 1:
            named = ", ".join(f"{best} ({data})" for data, best in board.best.items())
            raise InputError(
                f"Expected one data set, of which one experiment is the best, but there are {named}; name one."
            )
        name = next(iter(board.best.values()))
    (job,) = queue.named([name])
    if name not in set(board.table["experiment"]):
        standing = queue.standing(job)
        raise InputError(f"Expected `{name}` to have finished, but it is {standing.state}; wait, or name another.")
    return job


def submission_of(queue: Queue, job: Job) -> Path:
    """Its answers to the test images."""
    return newest(queue.data_root(job) / "07_model_output" / "submission.csv")


def tell_forecast(row: "Mapping[str, Any] | pd.Series") -> str:
    """What a submission is expected to score."""
    text = f"forecast: macro-F1 {row['forecast']:.3f} (95 % interval {row['low']:.3f} to {row['high']:.3f})"
    return text if pd.isna(row["true"]) else f"{text}; by the answer key {row['true']:.3f}"


def tell_table(board: Leaderboard) -> list[str]:
    """The table for a terminal, without what is the same in all rows."""
    table = board.table
    shown = [name for name in COLUMNS if name == "experiment" or table[name].nunique(dropna=False) > 1 or name in TOLD]
    texts = [[name.replace("_", "-") for name in shown]]
    texts += [[text_of(name, row[name]) for name in shown] for row in table[shown].to_dict("records")]
    widths = [max(len(row[column]) for row in texts) for column in range(len(shown))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def _in_words(found: Comparison, best: str) -> list[str]:
    if not found.others:
        return [f"“{found.leader}” is the only one that has finished."]
    count, worse, near = len(found.others) + 1, found.worse, found.as_good[1:]
    lines = [
        f"“{found.leader}” leads out of fold with {found.scores[found.leader]:.3f} on the {found.pages} damaged "
        "held-out pages that all have answered.",
        "There one fold's models answer a page; the forecast is of all folds together, against right labels.",
    ]
    if worse:
        lines.append(f"It is really better than {_named(worse)}, also after {count} were compared.")
    lines += [_near(name, found.others[name]) for name in near[:NAMED]]
    if len(near) > NAMED:
        lines.append(f"The same holds for {len(near) - NAMED} more.")
    why = "nothing cheaper is as good" if best == found.leader else "the cheapest within one standard error of the lead"
    return [*lines, f"Take “{best}”: {why}."]


def _near(name: str, other: Difference) -> str:
    if other.error < TINY:
        return f"“{name}” answers these pages just as well."
    return f"“{name}” may be as good: {other.delta:.3f} behind, [{other.low:+.3f}, {other.high:+.3f}] holds zero."


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
