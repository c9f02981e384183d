"""Which command writes a dataset that is not there."""

from collections.abc import Callable, Iterable

from kedro.framework.project import pipelines


def how_to_make(missing: Iterable[str], is_there: Callable[[str], bool] = lambda name: True) -> str | None:
    """The command that writes these datasets, and what is needed for them and is not there; None where none does."""
    needed: set[str] = set()
    rest = list(missing)
    while rest:
        stage = _stage_of(rest.pop())
        if stage is not None and stage not in needed:
            needed.add(stage)
            rest += [name for name in pipelines[stage].inputs() if not name.startswith("param") and not is_there(name)]
    if not needed:
        return None
    if (learning := _stages_in("train")) and needed >= learning:
        return "`kedro run --pipeline train`" if needed == learning else "`kedro run`"
    names = [name for name in pipelines if name in needed]
    return f"`kedro run --pipeline{'s' * (len(names) > 1)} {','.join(names)}`"


def _stage_of(dataset: str) -> str | None:
    """The smallest pipeline that writes it: sums of stages write it too."""
    writers = [name for name, pipeline in pipelines.items() if dataset in pipeline.all_outputs()]
    return min(writers, key=lambda name: len(pipelines[name].nodes), default=None)


def _stages_in(name: str) -> set[str | None]:
    """The stages that a sum of stages is made of."""
    return {_stage_of(dataset) for dataset in pipelines[name].all_outputs()} if name in pipelines else set()
