"""What is left after a fault: kills, a full disk, dead servers and the like, stage by stage, against the unbroken run.

    uv run python benchmarks/faults.py --json faults.json
    uv run python benchmarks/faults.py --faults kill interrupt --kills 7 --stages training ensembling
    uv run python benchmarks/faults.py --quick

First every stage runs unbroken on a small job, and what it left is kept. Each case then begins with what the stage
before left, runs one stage, breaks it, and runs the same command again; in the end `data_root` has to be byte for byte
what the unbroken run left, but for times (`end_state.py` says which). A case holds where that is so and nothing hung,
no traceback was shown, no process was left, and no run in MLflow is RUNNING. Before the cases the comparison itself is
tried: unbroken runs must be equal, and a damaged byte must be noticed.

Needs Linux. A full disk and read-only folders are tried on a small file system in memory, which needs root and is left
out without. Logs of all runs stay below --work. --quick breaks ingestion alone, twice, to see that it runs.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from end_state import differences, name_in_state, read_state, results, without_times
from fault_campaign import PAGE, ROOMY, STAGES, Campaign, Outcome, empty, may_mount, refused, remount, small_disk
from watched_run import SECONDS_TO_GO

from project import ROOT

WITH_WORKERS = ("ingestion", "cleaning", "augmentation", "training", "ensembling")
SMALL = "folds=3,sample.scale=0.03,members.main.epochs=2,members.main.patience=2"
"""What is smaller still than the environment `smoke`."""
QUICK = {"stages": ("ingestion",), "faults": ["kill", "data_root is a file"], "kills": 1}
DAMAGES = 40
"""Single bytes that are changed to see that the comparison notices."""

Cases = Iterator[Outcome]


def unbroken(campaign: Campaign, _: int) -> Cases:
    """No fault at all: where this is not equal, nothing else can be told."""
    for stage in campaign.broken:
        campaign.restore(stage)
        first = campaign.start([stage]).finish(campaign.limit(stage))
        yield campaign.judge("none", stage, "", first, first.code == 0)


def kill(campaign: Campaign, kills: int) -> Cases:
    """SIGKILL of the main process at some moment; every second time only what is missing is made after it."""
    for number in range(kills):
        stage = campaign.broken[number % len(campaign.broken)]
        campaign.restore(stage)
        run = campaign.start([stage])
        moment = campaign.reach(run, stage)
        run.signal(signal.SIGKILL)
        first = run.finish(campaign.limit(stage))
        options = ["--only-missing-outputs"] if number // len(campaign.broken) % 2 else []
        detail = " ".join([moment, *options])
        yield campaign.judge("kill", stage, detail, first, first.code in (-signal.SIGKILL, 0), options=options)


def interrupt(campaign: Campaign, _: int) -> Cases:
    """Ctrl-C at some moment ends it with 130 in a few seconds."""
    for stage in campaign.broken:
        campaign.restore(stage)
        run = campaign.start([stage])
        moment = campaign.reach(run, stage)
        began = time.monotonic()
        run.interrupt()
        first = run.finish(campaign.limit(stage))
        took = time.monotonic() - began
        right = first.code == 0 or (first.code == 130 and took < SECONDS_TO_GO)
        yield campaign.judge("interrupt", stage, f"{moment}, ended after {took:.1f} s", first, right)


def kill_worker(campaign: Campaign, _: int) -> Cases:
    """One worker dies, as when memory runs out: its task is tried again."""
    for stage in (stage for stage in WITH_WORKERS if stage in campaign.broken):
        campaign.restore(stage)
        run = campaign.start([stage])
        moment = campaign.reach(run, stage)
        worker = run.busiest_worker(campaign.limit(stage))
        if worker is not None:
            run.signal(signal.SIGKILL, worker)
        first = run.finish(campaign.limit(stage))
        detail = moment if worker is not None else f"{moment}: there was no worker"
        yield campaign.judge("worker killed", stage, detail, first, first.code == 0)


def full_disk(campaign: Campaign, _: int) -> Cases:
    """The disk has room for a part of what the stage writes; then there is more."""
    for stage in campaign.broken:
        with small_disk(campaign.live):
            campaign.restore(stage)
            share = campaign.rng.uniform(0.1, 0.8)
            status = os.statvfs(campaign.live)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            remount(campaign.live, f"size={max(PAGE, used + int(share * campaign.growth(stage)))}")
            first = campaign.start([stage]).finish(campaign.limit(stage))
            remount(campaign.live, f"size={ROOMY}")
            yield campaign.judge("full disk", stage, f"room for {share:.0%}", first, refused(first))


def read_only(campaign: Campaign, _: int) -> Cases:
    """Nothing may be written below data_root; then it may."""
    for stage in campaign.broken:
        with small_disk(campaign.live):
            campaign.restore(stage)
            remount(campaign.live, "ro")
            first = campaign.start([stage]).finish(campaign.limit(stage))
            remount(campaign.live, "rw")
            yield campaign.judge("read-only", stage, "", first, refused(first))


def root_is_a_file(campaign: Campaign, _: int) -> Cases:
    """data_root is a file, which stays as it is."""
    stage = campaign.stages[0]
    empty(campaign.live)
    campaign.live.rmdir()
    campaign.live.write_text("mine")
    first = campaign.start([stage]).finish(campaign.limit(stage))
    right = refused(first) and campaign.live.is_file() and campaign.live.read_text() == "mine"
    campaign.live.unlink()
    campaign.live.mkdir()
    yield campaign.outcome("data_root is a file", stage, "", [first], right, [], silent=False)


def lost_file(campaign: Campaign, _: int) -> Cases:
    """A file that an earlier stage has made goes while the stage runs; both run again. Not those between: cleaning, for
    one, finds other suspects once a training has predicted.
    """
    for stage in campaign.broken:
        campaign.restore(stage)
        if stage == campaign.stages[0]:
            continue
        files = results(campaign.live)
        folder = campaign.rng.choice(sorted({path.parent for path in files}))
        lost = campaign.rng.choice([path for path in files if path.parent == folder])
        run = campaign.start([stage])
        run.wait_for(next(iter(campaign.unbroken[stage].nodes)), campaign.limit(stage))
        lost.unlink()
        first = run.finish(campaign.limit(stage))
        name = name_in_state(campaign.live, lost)
        maker = next(each for each in campaign.stages if name in campaign.states[each])
        again = (maker, stage)
        yield campaign.judge("file lost", stage, name, first, first.code == 0 or refused(first), again, lost=name)


def two_runs(campaign: Campaign, _: int) -> Cases:
    """Two runs with different seeds begin at once: one is refused, or one comes after the other."""
    stages = campaign.stages[:2]
    ends = {}
    for seed in (1, 0):
        campaign.restore(stages[0])
        campaign.start(stages, f"seed={seed}").finish(3600)
        ends[seed] = read_state(campaign.live)
    campaign.restore(stages[0])
    runs = [campaign.start(stages, "seed=0")]
    time.sleep(campaign.rng.uniform(0, 3))
    runs.append(campaign.start(stages, "seed=1"))
    ended = [run.finish(2 * campaign.limit(stages[-1])) for run in runs]
    found = read_state(campaign.live)
    known = {name for end in ends.values() for name in end}
    strange = [f"too many: {name}" for name in found if name not in known]
    # Stores may hold the pieces of both; whatever belongs to one of the runs must be all of it.
    lines = [differences(end, {name: found[name] for name in found if name in end}) for end in ends.values()]
    apart = min(lines, key=len) + strange
    right = any(run.code == 0 for run in ended) and all(run.code == 0 or refused(run) for run in ended)
    silent = all(run.code == 0 for run in ended) and bool(apart)
    yield campaign.outcome("two runs", "+".join(stages), "", ended, right, apart, silent)


def dead_server(campaign: Campaign, _: int) -> Cases:
    """Nobody listens where MLflow should be, or somebody who never answers: a warning, and the run goes on."""
    stage = campaign.stages[0]
    for name in ("refuses", "never answers"):
        with socket.create_server(("127.0.0.1", 0)) as server:
            uri = f"http://127.0.0.1:{server.getsockname()[1]}"
            if name == "refuses":
                server.close()
            campaign.restore(stage)
            tracking = {"MLFLOW_TRACKING_URI": uri, "DOCSORT_TRACKING": "on"}
            first = campaign.start([stage], **tracking).finish(campaign.limit(stage))
        right = first.code == 0 and "goes on without being tracked" in first.output
        yield campaign.judge("dead MLflow", stage, name, first, right)


FAULTS: dict[str, Callable[[Campaign, int], Cases]] = {
    "none": unbroken,
    "kill": kill,
    "interrupt": interrupt,
    "worker killed": kill_worker,
    "full disk": full_disk,
    "read-only": read_only,
    "data_root is a file": root_is_a_file,
    "file lost": lost_file,
    "two runs": two_runs,
    "dead MLflow": dead_server,
}
ON_A_DISK_OF_ITS_OWN = ("full disk", "read-only")


def damages_noticed(campaign: Campaign) -> int:
    """Of DAMAGES single bytes that are changed in what the last stage left, how many the comparison notices."""
    folder, stage = campaign.work / "damaged", campaign.stages[-1]
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(campaign.work / "after" / stage, folder)
    # Of a file that holds times not every byte counts.
    files = [path for path in results(folder) if path.stat().st_size and without_times(path) == path.read_bytes()]
    noticed = 0
    for _ in range(DAMAGES):
        path = campaign.rng.choice(files)
        data = path.read_bytes()
        place = campaign.rng.randrange(len(data))
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        noticed += len(differences(campaign.states[stage], read_state(folder))) == 1
        path.write_bytes(data)
    if differences(campaign.states[stage], read_state(folder)):
        noticed = 0  # it cries wolf
    shutil.rmtree(folder)
    return noticed


COLUMNS: dict[str, Callable[[Outcome], object]] = {
    "broken": lambda outcome: outcome.codes[0] != 0,
    "held": lambda outcome: outcome.held,
    "equal": lambda outcome: outcome.equal,
    "sentence": lambda outcome: outcome.sentence,
    "traceback": lambda outcome: outcome.raw,
    "hang": lambda outcome: outcome.hung,
    "silent": lambda outcome: outcome.silent,
    "left": lambda outcome: outcome.left,
    "RUNNING": lambda outcome: outcome.running,
}
"""Of how many cases this is so. broken: the first run did not end well, as it does where a fault is none or comes too
late; silent: a difference although the run said that all was well."""


def try_fault(campaign: Campaign, fault: str, kills: int) -> Iterator[Outcome]:
    """Its cases, each told as it comes."""
    for outcome in FAULTS[fault](campaign, kills):
        told = json.dumps(asdict(outcome), ensure_ascii=False)
        print(f"{'held' if outcome.held else 'NOT HELD'}: {told}", flush=True)
        yield outcome


def run_campaign(campaign: Campaign, faults: Sequence[str], kills: int) -> dict[str, Any]:
    """All cases, and then a row a fault."""
    campaign.prepare()
    noticed, mountable = damages_noticed(campaign), may_mount()
    print(f"Changed bytes that the comparison notices: {noticed} of {DAMAGES}.", flush=True)
    outcomes: list[Outcome] = []
    for fault in faults:
        if fault in ON_A_DISK_OF_ITS_OWN and not mountable:
            print(f"{fault}: left out, for a file system in memory cannot be mounted here; run it as root.")
        else:
            outcomes += try_fault(campaign, fault, kills)
    rows = []
    print("| " + " | ".join(["fault", "tried", *COLUMNS]) + " |\n" + "|---" * (2 + len(COLUMNS)) + "|")
    for fault in dict.fromkeys(outcome.fault for outcome in outcomes):
        found = [outcome for outcome in outcomes if outcome.fault == fault]
        counts = {name: sum(bool(has(outcome)) for outcome in found) for name, has in COLUMNS.items()}
        rows.append({"fault": fault, "tried": len(found), **counts})
        print("| " + " | ".join(map(str, rows[-1].values())) + " |")
    told = [asdict(outcome) | {"equal": outcome.equal, "held": outcome.held} for outcome in outcomes]
    return {"noticed": noticed, "damages": DAMAGES, "faults": rows, "outcomes": told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", nargs="+", choices=list(FAULTS), default=list(FAULTS), metavar="FAULT")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, help="to be broken")
    parser.add_argument("--kills", type=int, default=30, help="of the main process, spread over the stages")
    parser.add_argument("--params", default=SMALL, help="for kedro run, apart from data_root")
    parser.add_argument("--seed", type=int, default=0, help="of the moments at which things break")
    parser.add_argument("--work", type=Path, default=ROOT / "data/faults", help="folder for the runs and their logs")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a handful of faults, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(**QUICK)
        options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="docsort-faults-") as temporary:
        work = Path(temporary) if options.quick else options.work.resolve()
        campaign = Campaign(work, options.stages, options.params, options.seed, tracked=not options.quick)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it stops its runs, too
        try:
            found = run_campaign(campaign, options.faults, options.kills)
        finally:
            campaign.stop()
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
