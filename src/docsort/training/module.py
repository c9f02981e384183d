"""The model under training, as Lightning wants it: our losses, views and choice of epoch in Lightning's loop.

B batch, K classes, S side of the square input.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from torch.nn import functional

from docsort.errors import DocsortError
from docsort.models.backbones import head_prefixes, in_head
from docsort.models.pixels import Normaliser
from docsort.models.turns import apply_turns
from docsort.seeding import derive_seed
from docsort.training.batches import ALONE, Batch, EpochBatches, OrderedBatches, Share, Split
from docsort.training.epochs import plan_epoch, row_weights
from docsort.training.history import History, score_conditions
from docsort.training.losses import build_loss, mix_pages
from docsort.training.optimisation import build_optimizer, build_schedule, scaled_rates
from docsort.training.parameters import TrainingParameters
from docsort.training.progress_callback import take_peak_memory
from docsort.training.resume import Position, ResumeFile
from docsort.training.warping import apply_warp

logger = logging.getLogger(__name__)


class TrainingError(DocsortError):
    """A training that cannot go on."""


class PageClassifier(LightningModule):
    """Trains `net` on one split and scores it on the other after each epoch; keeps the best epoch's weights."""

    def __init__(
        self,
        net: nn.Module,
        normaliser: Normaliser,
        training: Split,
        validation: Split,
        parameters: TrainingParameters,
        targets: Sequence[int],
        name: str,
        seed: int,
        on_epoch: Callable[[History], None],
        resume: ResumeFile,
        share: Share = ALONE,
    ) -> None:
        super().__init__()
        self.net, self.normaliser = net, normaliser
        self.training_split, self.validation_split = training, validation
        self.config, self.name, self.seed, self.on_epoch = parameters, name, seed, on_epoch
        self.classes = len(targets)
        self.objective = build_loss(parameters, np.bincount(training.labels, minlength=self.classes).tolist(), targets)
        self.row_weights = row_weights(training.labels, targets, parameters)
        self.average = ModelEmaV3(net, decay=parameters.ema_decay, use_warmup=True) if parameters.ema_decay else None
        if self.average is not None:
            self.average.requires_grad_(False)  # else several processes would wait for its gradients
        if parameters.compile:
            net.compile()
        self.progress = History(parameters.patience, parameters.patient_epochs)
        self.updates = 0
        self.resume, self.share = resume, share
        self.best: dict[str, Tensor] = {}
        self.position = Position()
        self.saved: dict[str, Any] | None = None
        if (found := resume.load()) is not None:
            self.position, self.saved = found

    @property
    def scored(self) -> nn.Module:
        """The model that is validated and kept: the averaged one where there is one."""
        return self.net if self.average is None else self.average.module

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = build_optimizer(self.net, self.config, self.device.type)
        batches = math.ceil(len(self.training_split.pages) / self.config.batch_size)
        self.schedule = build_schedule(optimizer, self.config, math.ceil(batches / self.config.accumulate))
        return optimizer

    def train_dataloader(self) -> EpochBatches:
        """Asked for anew before each epoch."""
        count = len(self.training_split.pages)
        source = (self.seed, self.name, self.current_epoch)
        self.plan = plan_epoch(count, self.config, *source, self.row_weights, self.share.world)
        done = self.position.batches if self.current_epoch == self.position.epoch else 0
        return EpochBatches(self.training_split, self.plan, done, self.share, self.device)

    def val_dataloader(self) -> OrderedBatches:
        return OrderedBatches(self.validation_split.pages, 2 * self.config.batch_size, self.share)

    def on_fit_start(self) -> None:
        if self.saved is not None:
            self._go_on(self.saved)

    def on_train_epoch_start(self) -> None:
        # Dropout draws from torch's own generator: seeded by epoch, it does not depend on what came before.
        own = (self.share.rank,) if self.share.rank else ()
        torch.manual_seed(derive_seed(self.seed, "dropout", self.name, self.current_epoch, *own))
        self.loss_sum = torch.zeros((), device=self.device)
        self.seen = 0
        self.started = time.perf_counter()
        self.done = 0
        self._freeze(self.current_epoch < self.config.freeze_epochs)
        if self.saved is not None and self.position.batches:
            # in the middle of an epoch: the sums so far, and the next number of dropout's generator
            self.done, self.seen = self.position.batches, self.saved["seen"]
            self.loss_sum = self.saved["loss_sum"].to(self.device)
            self.started -= self.saved["seconds"]
            torch.set_rng_state(self.saved["generator"])
        self.saved = None

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_index: int) -> None:
        done = self.done + batch_index + 1
        whole_step = done % self.config.accumulate == 0  # between steps there are gradients, which are not saved
        # several processes have a state each, which is one only between epochs
        alone = self.share.world == 1
        if alone and whole_step and done < len(self.plan.rows) and self.resume.is_due():
            self._save(Position(self.current_epoch, done, self.updates))

    def on_train_epoch_end(self) -> None:
        if self.share.rank:
            return
        if self.current_epoch + 1 < self.config.epochs and not self.progress.should_stop:
            self._save(Position(self.current_epoch + 1, 0, self.updates))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        pages, labels = self._inputs(batch), batch.labels
        if self.config.mixes_in(self.current_epoch):
            pages, labels = mix_pages(pages, labels, batch.mix, self.classes)
        loss: Tensor = self.objective(self.net(pages), labels)
        own, whole = len(batch.labels), len(self.plan.rows[self.done + batch_index])
        self.loss_sum += loss.detach() * own
        self.seen += whole
        # processes that train together average their gradients, however many pages each had
        return loss if own == whole else loss * (own * self.share.world / whole)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        with scaled_rates(optimizer, self.plan.stage.learning_rate):
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self.updates += 1
        self.schedule.after_step(self.updates)
        if self.average is not None:
            self.average.update(self.net, step=self.updates)

    def on_validation_epoch_start(self) -> None:
        self.train_loss = self.trainer.strategy.reduce(self.loss_sum, reduce_op="sum").item() / self.seen
        self.train_seconds = time.perf_counter() - self.started
        if not math.isfinite(self.train_loss):
            raise TrainingError(
                f"Expected a finite loss in epoch {self.current_epoch + 1} of {self.name}, but got {self.train_loss}; "
                "lower the learning rate, add warmup_epochs or clip_norm, or use precision 32."
            )
        self.answers: list[Tensor] = []

    def validation_step(self, pages: Tensor, batch_index: int) -> None:
        self.answers.append(self.scored(self.normaliser(pages)).argmax(dim=1))

    def on_validation_epoch_end(self) -> None:
        answers = self.share.gather(torch.cat(self.answers).cpu().numpy(), len(self.validation_split.labels))
        scores = score_conditions(self.validation_split.labels, answers, self.validation_split.conditions)
        row = {
            "epoch": self.current_epoch + 1,
            "lr": self.trainer.optimizers[0].param_groups[0]["lr"] * self.plan.stage.learning_rate,
            "train_loss": self.train_loss,
            "clean_macro_f1": scores["clean"],
            "test_like_macro_f1": scores["test_like"],
            "images_per_s": self.seen / self.train_seconds,
            "seconds": time.perf_counter() - self.started,
            "gpu_memory_mb": take_peak_memory(self.device),
        }
        if self.progress.add(row) and not self.share.rank:
            self.best = {name: value.detach().cpu().clone() for name, value in self.scored.state_dict().items()}
        self.schedule.after_epoch(scores["test_like"])
        self.trainer.should_stop = self.progress.should_stop
        if self.share.rank:
            return
        logger.info(
            "%s epoch %d/%d loss %.3f clean %.3f test-like %.3f (%d images/s)",
            self.name,
            row["epoch"],
            self.config.epochs,
            self.train_loss,
            scores["clean"],
            scores["test_like"],
            round(row["images_per_s"]),
        )
        self.on_epoch(self.progress)

    def _freeze(self, frozen: bool) -> None:
        """All but the head: neither gradients nor running means of batch norms."""
        if not self.config.freeze_epochs:
            return
        prefixes = head_prefixes(self.net)
        for name, parameter in self.net.named_parameters():
            parameter.requires_grad_(not frozen or in_head(name, prefixes))
        for name, layer in self.net.named_modules():  # parents first, and they set their children too
            if name:
                layer.train(not frozen or in_head(name, prefixes))

    def _save(self, position: Position) -> None:
        average = None if self.average is None else self.average.state_dict()
        state = {
            "net": self.net.state_dict(),
            "average": average,
            "best": self.best,
            "optimizer": self.trainer.optimizers[0].state_dict(),
            "scaler": self.trainer.precision_plugin.state_dict(),
            "schedule": self.schedule.state(),
            "history": self.progress.rows,
            "loss_sum": self.loss_sum.cpu(),
            "seen": self.seen,
            "seconds": time.perf_counter() - self.started,
            "generator": torch.get_rng_state(),
        }
        self.resume.save(position, state)

    def _go_on(self, state: dict[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.best = state["best"]
        self.trainer.optimizers[0].load_state_dict(state["optimizer"])
        self.trainer.precision_plugin.load_state_dict(state["scaler"])
        self.updates = self.position.updates
        self.schedule.go_on(self.updates, state["schedule"])
        for row in state["history"]:
            self.progress.add(row)
        logger.info(
            "%s goes on in epoch %d/%d, after %d batches of it",
            self.name,
            self.position.epoch + 1,
            self.config.epochs,
            self.position.batches,
        )

    def _inputs(self, batch: Batch) -> Tensor:
        """(B, 3, S, S) float32: turned while it is a quarter of the bytes, then normalised and jittered in one pass."""
        pages = batch.pages if batch.turns is None else apply_turns(batch.pages, batch.turns)
        jitter = (batch.contrast, batch.brightness) if self.config.jitter else ()
        inputs = self.normaliser(pages, *jitter)
        if batch.warp is not None:
            inputs = apply_warp(inputs, batch.warp, self.normaliser.white)
        size = self.config.size_in(self.current_epoch)
        if size != inputs.shape[-1]:
            inputs = functional.interpolate(inputs, size=(size, size), mode="area")
        return inputs if self.config.channels_last else inputs.contiguous()
