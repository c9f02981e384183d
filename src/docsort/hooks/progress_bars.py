"""A bar a training and a prediction on the console, while it runs; nothing where the output is no terminal."""

import threading
from typing import TYPE_CHECKING

from kedro.framework.hooks import hook_impl

from docsort.hooks.watching import only_watches
from docsort.work.progress import Job, Listener, Outcome, Progress, add_listener, remove_listener

if TYPE_CHECKING:
    from rich import progress
    from rich.console import Console


@only_watches
class ProgressHooks:
    """Shows bars during a run, on the console that log lines go to, so that these scroll by above them."""

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console
        self._bars: Bars | None = None

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Listens to trainings where there is a terminal."""
        from rich import get_console

        self._forget()
        console = self._console or get_console()
        if console.is_interactive and not console.is_jupyter:
            self._bars = Bars(console)
            add_listener(self._bars)

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Listens no more."""
        self._forget()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Listens no more."""
        self._forget()

    def _forget(self) -> None:
        if self._bars is not None:
            remove_listener(self._bars)
        self._bars = None


class Bars(Listener):
    """One bar a running training, that of its epoch, and one a running prediction.

    They are on the screen from the beginning of the first training to the end of the last, which is always told, and
    not for the whole run, whose end is not told after Ctrl-C: the cursor would stay hidden.
    """

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._lock = threading.Lock()
        self._display: progress.Progress | None = None
        self._bars: dict[str, progress.TaskID] = {}

    def began(self, job: Job) -> None:
        with self._lock:
            before = self._bars.get(job.name)
            self._bars[job.name] = self._shown().add_task(f"{job.name} begins", total=None, numbers="")
            if before is not None:  # its worker died, and it begins again in another
                self._shown().remove_task(before)

    def progressed(self, job: Job, progress: Progress) -> None:
        with self._lock:
            if self._display is not None and job.name in self._bars:
                self._display.update(
                    self._bars[job.name],
                    description=f"{job.name} epoch {progress.epoch}/{progress.epochs}",
                    completed=progress.batch,
                    total=progress.batches,
                    numbers=_numbers(progress),
                )

    def ended(self, job: Job, outcome: Outcome, error: BaseException | None) -> None:
        with self._lock:
            self._drop(job.name)

    def predicted(self, name: str, done: int, pages: int) -> None:
        key = f"predict {name}"
        with self._lock:
            if done >= pages:
                self._drop(key)
                return
            if key not in self._bars:
                self._bars[key] = self._shown().add_task(f"{name}: pages", total=pages, numbers="")
            self._shown().update(self._bars[key], completed=done, numbers=f"{done}/{pages}")

    def _shown(self) -> "progress.Progress":
        if self._display is None:
            self._display = _display(self._console)
            self._display.start()
        return self._display

    def _drop(self, key: str) -> None:
        if self._display is None or key not in self._bars:
            return
        self._display.remove_task(self._bars.pop(key))
        if not self._bars:
            self._display.stop()
            self._display = None


def _display(console: "Console") -> "progress.Progress":
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[numbers]}", markup=False),
    )
    return Progress(*columns, console=console, transient=True)


def _numbers(progress: Progress) -> str:
    """What is known so far."""
    speed = "" if progress.images_per_s is None else f"{progress.images_per_s:.0f} images/s"
    loss = "" if progress.loss is None else f"loss {progress.loss:.3f}"
    return " ".join(text for text in (speed, loss) if text)
