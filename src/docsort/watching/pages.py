"""The pages of a watch, day by day, as numbers: what each looks like and how it was answered.

Of a day at most KEPT_A_DAY pages are kept, chosen by their names alone, so that memory does not grow with the number of
pages; all are counted.

Legend of shapes: N pages of a period, A measures of appearance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.images.appearance import APPEARANCE
from docsort.tables import probability_columns, values_of

KEPT_A_DAY = 2000

FEWEST = 30
"""Pages of a period below which nothing can be said of it: it is joined with the next."""

DAYS = {"day": 1, "week": 7}

ANSWER, ORDER = "answer", "order"
"""Columns: the place of the class it was answered with; which pages of a day are kept, those of the lowest."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Period:
    """first, last: days; pages: how many there were; values: by name, APPEARANCE, confidence and novelty, (N,), NaN
    where not known; answers (N,): places of the classes that the pages were answered with."""

    first: date
    last: date
    pages: int
    values: dict[str, Floats]
    answers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.answers)

    def known(self, name: str) -> Floats:
        """The values that are not missing."""
        return self.values[name][~np.isnan(self.values[name])]

    def named(self) -> str:
        """The day, or the days."""
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


class WatchedPages:
    """Takes the answers of pages, part by part."""

    def __init__(self) -> None:
        self._days: dict[date, pd.DataFrame] = {}
        self._counts: dict[date, int] = {}
        self.unreadable = self.undated = 0

    def add(self, answers: pd.DataFrame, appearance: NDArray[np.floating], days: Sequence[date | None]) -> None:
        """answers: columns page, confidence, novelty and p_<target>; appearance (N, A); days: None where no day
        is known. Pages that could not be read, or have no day, are counted alone."""
        columns = probability_columns(answers)
        readable, dated = answers[columns].notna().all(axis=1).to_numpy(), np.array([day is not None for day in days])
        table = answers[["confidence", "novelty"]].astype("float32").reset_index(drop=True)
        table[list(APPEARANCE)] = appearance
        table[ANSWER] = values_of(answers.fillna(dict.fromkeys(columns, 0.0)), columns).argmax(axis=1)
        table[ORDER] = [sha256(str(page).encode(errors="surrogateescape")).hexdigest()[:16] for page in answers["page"]]
        self.unreadable += int((~readable).sum())
        self.undated += int((readable & ~dated).sum())
        chosen = readable & dated
        for day, own in table[chosen].groupby(np.asarray(list(days), dtype=object)[chosen]):
            self._add_day(day, own)

    def periods(self, by: str) -> list[Period]:
        """By `day` or `week` (from Monday), in order, each of FEWEST pages at least but where there are not as many."""
        starts: dict[date, list[date]] = {}
        for day in sorted(self._days):
            starts.setdefault(day - timedelta(days=day.weekday()) if by == "week" else day, []).append(day)
        joined: list[list[date]] = []
        for days in starts.values():
            if joined and self._count(joined[-1]) < FEWEST:
                joined[-1] += days
            else:
                joined.append(list(days))
        if len(joined) > 1 and self._count(joined[-1]) < FEWEST:
            joined[-2:] = [joined[-2] + joined[-1]]
        return [self._period(days) for days in joined]

    def _add_day(self, day: date, pages: pd.DataFrame) -> None:
        self._counts[day] = self._counts.get(day, 0) + len(pages)
        known = [self._days[day], pages] if day in self._days else [pages]
        table = pd.concat(known, ignore_index=True)
        if len(table) > KEPT_A_DAY:
            table = table.sort_values(ORDER, kind="stable").head(KEPT_A_DAY)
        self._days[day] = table

    def _count(self, days: Sequence[date]) -> int:
        return sum(self._counts[day] for day in days)

    def _period(self, days: Sequence[date]) -> Period:
        table = pd.concat([self._days[day] for day in days], ignore_index=True)
        values = {name: table[name].to_numpy(np.float64) for name in (*APPEARANCE, "confidence", "novelty")}
        return Period(days[0], days[-1], self._count(days), values, table[ANSWER].to_numpy(np.int64))
