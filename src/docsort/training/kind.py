"""The kind of member `network`: a timm backbone, fine-tuned or trained from scratch on a fold's renders.

Light: this module runs in the main process and imports no torch.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docsort.errors import InputError
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import by_content
from docsort.members.member import Kind, Member, Task
from docsort.members.splits import Split
from docsort.models.descriptions import DESCRIPTION_FILE, WEIGHTS_FILE, read_description
from docsort.stores import fingerprint
from docsort.training.parameters import NETWORK, RESUME_FILE, TrainingParameters
from docsort.work.executor import Lease, executor, run

ENGINE_VERSION = 4
"""Part of every key: raise it when the same task would give other weights, so that old ones no longer count."""


def check_network(parameters: TrainingParameters) -> None:
    """In a worker: see `building.check_network`."""
    from docsort.training import building

    building.check_network(parameters)


@dataclass(frozen=True, eq=False)
class NetworkTask(Task):
    """One network to train on one fold; `split` in the format of its input."""

    parameters: TrainingParameters

    def check(self) -> None:
        """Raises WeightsError where `pretrained` names no file, InputError where nobody said how long to train."""
        if not self.parameters.epochs:
            raise InputError(
                f"Expected to know how many epochs {self.name} trains, but only page_steps are given; run the training "
                "pipeline, which plans them, or set epochs."
            )
        self.parameters.weights_file()

    def key(self) -> str:
        """Fingerprint of what decides the weights: page contents and labels, parameters, name, seed and version.

        Where the files lie and on which device they are trained does not count. Raises InputError for missing files.
        """
        parameters = self.parameters.by_content()
        tables = [by_content(table) for table in (self.split.training, self.split.held_out)]
        return fingerprint(ENGINE_VERSION, self.name, list(self.targets), self.seed, parameters, *tables)

    def is_begun(self, folder: Path) -> bool:
        return (folder / RESUME_FILE).is_file()

    def run(self, folder: Path, lease: Lease) -> dict[str, Any]:
        """Writes model.safetensors, model.json and history.csv; the record has the best epoch and its scores."""
        if len(lease.devices) > 1:
            from docsort.training.parallel import fit_together

            return fit_together(self, folder, lease)
        from docsort.training.engine import fit

        return fit(self, folder, lease.devices[0], lease.concurrent, self.key())


class NetworkKind(Kind):
    """See `members.member.Kind`."""

    name = NETWORK
    Parameters = TrainingParameters
    files = (WEIGHTS_FILE, DESCRIPTION_FILE)

    def task(self, name: str, split: Split, parameters: TrainingParameters, seed: int) -> NetworkTask:
        own = split.at(parameters.page_format)
        return NetworkTask(name, self.name, own.with_damaged() if parameters.damaged else own, parameters, seed)

    def check(self, parameters: TrainingParameters) -> None:
        """Builds the network once, in a worker. Raises InputError or WeightsError where that cannot be, and where the
        device is not there.
        """
        executor().concurrent(parameters.device)
        run(check_network, parameters)

    def targets(self, checkpoint: Checkpoint) -> tuple[int, ...]:
        return read_description(checkpoint.folder).targets

    def load(self, checkpoint: Checkpoint, device: str) -> Member:
        from docsort.models.forward import NetworkMember

        return NetworkMember(checkpoint.folder, device)

    def graph(self, checkpoint: Checkpoint) -> Any:
        from docsort.models.graphs import NetworkGraph

        return NetworkGraph(checkpoint.folder)

    def load_graph(self, checkpoint: Checkpoint, graph: Path) -> Member:
        from docsort.models.forward import GraphMember

        return GraphMember(checkpoint.folder, graph)


def begin_with(task: NetworkTask, general: Checkpoint) -> NetworkTask:
    """The task, begun with the weights of another member of the same fold, at the learning rate of pretrained ones.

    What that member has learnt counts as learnt. Raises LeakError where that is not recorded.
    """
    parameters = task.parameters.model_copy(update={"pretrained": str(general.folder / WEIGHTS_FILE)})
    learnt = tuple(sorted(general.learnt_groups()))
    return replace(task, parameters=parameters, split=replace(task.split, learnt_before=learnt))
