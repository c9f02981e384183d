"""How many servers pages need so that 95 in 100 are answered in time: queues simulated, and checked by theory.

    uv run python benchmarks/queueing.py [--seconds S] [--pages N] [--json FILE] [--figure FILE] [--quick]

A server is a core with an actor, or a GPU with its actors: whatever answers pages one at a time. Pages come at random
(Poisson) at the rate of the peak hour, wait in one queue, first come first served, and take a lognormal time. Assumed,
and to be replaced by what you measure (benchmarks/page_costs.py): --seconds a page, their spread VARIATION (standard
deviation over mean), the peak hour PEAK times the mean of the day, that 95 in 100 pages wait no longer than PATIENCE
times what answering takes, and that servers are busy for at most BUSY of the peak hour: a queue of thousands bears
more, but not the loss of one machine in ten, nor a burst. Every
simulation is drawn from the seed, so the same call gives the same figures.

Checked: Little's law (pages that are there on average = rate × mean delay, counted apart), and for exponential times
Erlang's formula. Elsewhere the mean wait is set beside the approximation of Allen and Cunneen (A. O. Allen,
Probability, Statistics and Queueing Theory, 1990): Erlang's wait × (1 + variation²) / 2.
"""

import argparse
import heapq
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from docsort.seeding import derive_rng

PEAK, VARIATION, PATIENCE, BUSY = 3.0, 0.5, 2.0, 0.85
PAGES_A_DAY = (10**5, 10**6, 10**7, 10**8, 10**9)
DAY, HOUR = 86_400, 3_600


@dataclass(frozen=True)
class Simulated:
    """Of pages in a queue, in seconds: mean and 95th percentile of the wait, mean delay (wait and answering), how many
    pages were there on average, and that by Little's law."""

    mean_wait: float
    p95_wait: float
    mean_delay: float
    there: float
    little: float


def simulate(rate: float, times: NDArray[np.float64], servers: int, gaps: NDArray[np.float64]) -> Simulated:
    """Pages (n,) that take `times`, come with `gaps` between them and are taken by whichever server is free first.

    rate: pages a second; the first tenth, while the queue fills, is not counted.
    """
    arrivals = np.cumsum(gaps)
    free = [0.0] * min(servers, len(times))
    begins = np.empty(len(times))
    for page, (arrival, needed) in enumerate(zip(arrivals.tolist(), times.tolist(), strict=True)):
        begins[page] = max(arrival, free[0])
        heapq.heapreplace(free, begins[page] + needed)
    ends, first = begins + times, len(times) // 10
    begin, end = arrivals[first], arrivals[-1]
    # every page's share of the window, also of those that came before it: what somebody who counts them would see
    there = np.clip(np.minimum(ends, end) - np.maximum(arrivals, begin), 0, None).sum() / (end - begin)
    waits, delays = (begins - arrivals)[first:], (ends - arrivals)[first:]
    return Simulated(
        float(waits.mean()),
        float(np.quantile(waits, 0.95)),
        float(delays.mean()),
        float(there),
        rate * float(delays.mean()),
    )


def draw(seconds: float, variation: float, rate: float, count: int, name: str) -> tuple[NDArray[np.float64], ...]:
    """Times (lognormal; exponential where their variation is 1) and gaps of so many pages."""
    rng = derive_rng(0, "queueing", name)
    gaps = rng.exponential(1 / rate, count)
    if variation == 1:
        return rng.exponential(seconds, count), gaps
    spread = np.sqrt(np.log(1 + variation**2))
    return rng.lognormal(np.log(seconds) - spread**2 / 2, spread, count), gaps


def erlang_wait(rate: float, seconds: float, servers: int) -> float:
    """Mean wait of exponential times, in seconds (Erlang's C); infinite where the servers cannot keep up."""
    load = rate * seconds
    if load >= servers:
        return float("inf")
    blocked = 1.0  # Erlang's B, one server more at a time
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    waiting = blocked / (1 - load / servers * (1 - blocked))
    return waiting * seconds / (servers - load)


def needed(rate: float, seconds: float, pages: int) -> tuple[int, Simulated]:
    """The fewest servers that are busy for at most BUSY, and of which 95 in 100 pages wait at most PATIENCE times what
    answering takes."""
    times, gaps = draw(seconds, VARIATION, rate, pages, "needed")
    low = int(np.ceil(rate * seconds / BUSY)) - 1  # never enough
    step = 1
    while simulate(rate, times, low + step, gaps).p95_wait > PATIENCE * seconds:
        step *= 2
    enough = low + step
    while enough - low > 1:
        middle = (low + enough) // 2
        if simulate(rate, times, middle, gaps).p95_wait > PATIENCE * seconds:
            low = middle
        else:
            enough = middle
    return enough, simulate(rate, times, enough, gaps)


def check(pages: int) -> list[dict[str, Any]]:
    """The simulation beside theory, at several loads: exponential times (Erlang) and lognormal ones."""
    rows = []
    for servers, load in ((1, 0.7), (4, 0.8), (16, 0.9)):
        for variation in (1.0, VARIATION):
            times, gaps = draw(1.0, variation, servers * load, pages, f"check {servers}")
            found = simulate(servers * load, times, servers, gaps)
            theory = erlang_wait(servers * load, 1.0, servers) * (1 + variation**2) / 2
            row = {"servers": servers, "load": load, "variation": variation, "theory_mean_wait": theory}
            rows.append(row | asdict(found))
    return rows


def plan(seconds: float, pages: int, days: tuple[int, ...] = PAGES_A_DAY) -> list[dict[str, Any]]:
    """Servers by pages a day: for 95 in 100 in time at the peak, and for a backlog that is worked off in a day."""
    rows = []
    for count in days:
        peak = PEAK * count / DAY
        # a queue of many servers settles within some of their times: count more pages than there are servers
        servers, found = needed(peak, seconds, max(pages, int(20 * peak * seconds)))
        row = {"pages_a_day": count, "peak_per_s": peak, "servers": servers, "busy": peak * seconds / servers}
        rows.append(row | {"backlog_servers": int(np.ceil(count * seconds / DAY)), **asdict(found)})
    return rows


def curve(seconds: float, pages: int) -> dict[int, list[tuple[float, float]]]:
    """By servers: how busy they are, and the 95th percentile of the wait as a multiple of what answering takes."""
    lines: dict[int, list[tuple[float, float]]] = {}
    for servers in (1, 4, 16, 64):
        lines[servers] = []
        for busy in np.arange(0.3, 0.99, 0.04).tolist():
            rate = servers * busy / seconds
            times, gaps = draw(seconds, VARIATION, rate, pages, f"curve {servers}")
            found = simulate(rate, times, servers, gaps)
            lines[servers].append((busy, found.p95_wait / seconds))
    return lines


def show(rows: list[dict[str, Any]], lines: dict[int, list[tuple[float, float]]], seconds: float, file: Path) -> None:
    """Left: the wait by how busy the servers are; right: servers by pages a day."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for servers, points in lines.items():
        left.plot(*zip(*points, strict=True), marker=".", label=f"{servers}")
    left.axhline(PATIENCE, color="0.5", linestyle="--", linewidth=1)
    left.set(xlabel="share of the time that servers are busy", ylabel="p95 of the wait / time of a page", ylim=(0, 8))
    left.legend(title="servers", frameon=False)
    days = [row["pages_a_day"] for row in rows]
    right.loglog(days, [row["servers"] for row in rows], marker="o", label=f"p95 of the wait ≤ {PATIENCE:g} × a page")
    right.loglog(days, [row["backlog_servers"] for row in rows], marker="s", label="a day's backlog in a day")
    right.set(xlabel="pages a day", ylabel=f"servers that take {seconds:g} s a page")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.1, help="that a server takes for a page")
    parser.add_argument("--pages", type=int, default=200_000, help="that are simulated")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--figure", type=Path, help="file of the picture")
    parser.add_argument("--quick", action="store_true", help="few pages, to see that it runs")
    options = parser.parse_args()
    pages, days = (5_000, PAGES_A_DAY[:2]) if options.quick else (options.pages, PAGES_A_DAY)
    figures = {"check": check(pages), "plan": plan(options.seconds, pages, days), "seconds": options.seconds}
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    if options.figure:
        show(figures["plan"], curve(options.seconds, pages), options.seconds, options.figure)


if __name__ == "__main__":
    main()
