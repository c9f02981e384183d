"""How one network is trained. What is off unless asked for has its off value here, the rest stands in the YAML."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from docsort.models.descriptions import HEADS
from docsort.models.origin import BackboneParameters
from docsort.parameters import Parameters
from docsort.work.executor import Needs

NETWORK = "network"
"""The kind's name."""

RESUME_FILE = "resume.pt"
"""What a training that was killed goes on from."""


def _read_precision(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value


class EffortParameters(Parameters):
    """How much a run may cost."""

    preset: str = Field(default="quick", description="where the numbers come from that are not given, see globals.yml")
    time_limit: float | None = Field(
        default=None, gt=0, description="seconds that the run may take; null: as long as the preset needs"
    )


class LearningRate(Parameters):
    """The highest learning rate, by where the weights begin: fine-tuning wants a smaller one."""

    scratch: float = Field(gt=0)
    pretrained: float = Field(gt=0)


class LossTerms(Parameters):
    """Weights of the terms that are added up to the loss; 0 leaves one out."""

    cross_entropy: float = Field(default=1, ge=0)
    focal: float = Field(default=0, ge=0, description='Lin et al., "Focal loss for dense object detection", ICCV 2017')
    soft_macro_f1: float = Field(default=0, ge=0, description="one less the macro-F1 of the batch's probabilities")

    @model_validator(mode="after")
    def _check_any(self) -> "LossTerms":
        if not any(self.model_dump().values()):
            raise ValueError("Expected at least one term of the loss to weigh more than 0, but all are 0.")
        return self


class Stage(Parameters):
    """A part of a curriculum: how pages are changed while the model trains, and how fast it learns."""

    share: float = Field(gt=0, le=1, description="of the epochs")
    learning_rate: float = Field(default=1, gt=0, description="factor on what the schedule says")
    turns: Literal["none", "flips", "all"] = Field(
        default="all", description="none; flips: mirrored, upside down or both; all: any of the eight dihedral turns"
    )
    degrees: float = Field(default=0, ge=0, le=180, description="largest turn either way")
    elastic: float = Field(default=0, ge=0, le=0.1, description="sd of the shift by smooth waves, share of the side")
    grid: float = Field(default=0, ge=0, lt=1, description="largest change of a cell's width or height, share of it")

    @property
    def bends(self) -> bool:
        """Whether pixels come to lie between pixels."""
        return bool(self.degrees or self.elastic or self.grid)


class HeadParameters(Parameters):
    """The layers between the pooled features and the logits; `models.heads` has them."""

    kind: Literal["linear", "mlp", "arcface"] = "linear"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(512, 256), description="of `mlp`: widths of its hidden layers"
    )
    scale: float = Field(default=30, gt=0, description="of `arcface`: factor from cosines to logits")
    margin: float = Field(default=0.3, ge=0, lt=1.5, description="of `arcface`: angle to the true class, radians")

    @model_validator(mode="after")
    def _check_hidden(self) -> "HeadParameters":
        if self.kind == "mlp" and not self.hidden:
            raise ValueError(
                "Expected head.hidden to name at least one width for the head mlp, but it is empty; use kind linear "
                "for a head without hidden layers."
            )
        return self

    def record(self) -> dict[str, Any]:
        """What a description says of the head: its kind, and what its shape depends on."""
        values = self.model_dump(mode="json")
        return {name: values[name] for name in ("kind", *HEADS[self.kind])}


class ProgressiveResizing(Parameters):
    """Smaller pages in the first epochs, as in Tan & Le, "EfficientNetV2" (ICML 2021): they cost less and teach the
    coarse things."""

    scale: float = Field(default=1, gt=0, le=1, description="their side as a share of image_size")
    share: float = Field(default=0, ge=0, lt=1, description="share of the epochs, the first; 0: none")


class TrainingParameters(BackboneParameters):
    """How one network is trained. Same parameters, data and seed: on a CPU the same weights, bit for bit."""

    kind: Literal["network"] = "network"

    progressive_resizing: ProgressiveResizing = ProgressiveResizing()
    epochs: int = Field(default=0, ge=0, description="passes over the renders at most; 0: as page_steps says")
    page_steps: int = Field(default=0, ge=0, description="pages that are learnt from in all, each time counted")
    damaged: bool = Field(
        default=True, description="whether the test-like pages of the folds that are learnt are learnt too"
    )
    patience: int = Field(ge=1, description="epochs without a better test-like macro-F1 before it stops")
    batch_size: int = Field(ge=2, description="renders a step")
    accumulate: int = Field(default=1, ge=1, description="batches whose gradients are summed before a step")
    optimizer: str = Field(default="adamw", description="a timm optimizer name")
    learning_rate: LearningRate
    final_learning_rate: float = Field(default=0.01, ge=0, le=1, description="share of the learning rate at the end")
    schedule: Literal["cosine", "constant", "step", "restarts", "one_cycle", "plateau"] = "cosine"
    step_epochs: float = Field(default=2, gt=0, description="of `step`: epochs between two falls")
    step_factor: float = Field(default=0.1, gt=0, lt=1, description="of `step` and `plateau`: factor of a fall")
    cycles: int = Field(default=2, ge=1, description="of `restarts`: cosines that the epochs are parted into")
    plateau_patience: int = Field(default=1, ge=0, description="of `plateau`: epochs without a better test-like score")
    warmup_epochs: float = Field(default=0, ge=0, description="epochs of linear rise from a hundredth")
    weight_decay: float = Field(default=0.01, ge=0)
    layer_decay: float | None = Field(
        default=None, gt=0, le=1, description="factor on the learning rate from each group of layers to the one before"
    )
    freeze_epochs: int = Field(default=0, ge=0, description="first epochs in which only the head learns")
    clip_norm: float | None = Field(default=None, gt=0, description="largest norm of the gradient")
    loss: LossTerms = LossTerms()
    focal_gamma: float = Field(default=2, ge=0, description="how much the focal term turns to hard pages; 0 is not")
    label_smoothing: float = Field(default=0, ge=0, lt=1)
    logit_adjustment: float = Field(
        default=0, ge=0, le=4, description="strength: Menon et al., ICLR 2021; for classes of unlike size; 0 is off"
    )
    class_weights: Literal["none", "inverse", "effective"] | dict[int, Annotated[float, Field(gt=0)]] = Field(
        default="none", description="by pages per class; or a weight for each class number, 1 where none is given"
    )
    effective_beta: float = Field(default=0.999, ge=0, lt=1, description="of the class weights `effective`")
    head: HeadParameters = HeadParameters()
    drop_rate: float = Field(default=0, ge=0, lt=1, description="dropout before the head, and in the head mlp")
    drop_path_rate: float = Field(
        default=0, ge=0, lt=1, description='chance to skip the last block: Huang et al., "Stochastic depth", ECCV 2016'
    )
    sampling: Literal["plain", "balanced"] = Field(
        default="plain", description="plain: each render once an epoch; balanced: classes equally often, drawn anew"
    )
    oversample: dict[int, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="factor on how often renders of a class number are drawn"
    )
    mixup: float = Field(default=0, ge=0, description="alpha of the Beta distribution; 0 is off")
    cutmix: float = Field(default=0, ge=0, description="alpha of the Beta distribution; 0 is off")
    mix_share: float = Field(default=1, ge=0, le=1, description="share of the epochs, the first, in which pages mix")
    ema_decay: float | None = Field(default=None, gt=0, lt=1, description="averaging of weights, a step")
    dihedral: bool = Field(default=True, description="each page in a random dihedral turn, every epoch")
    curriculum: list[Stage] = Field(
        default_factory=list, description="stages one after the other, in place of `dihedral`; none: one way throughout"
    )
    jitter: float = Field(default=0, ge=0, lt=1, description="largest change of brightness and contrast, share")
    precision: Annotated[Literal["32", "bf16", "16-mixed"], BeforeValidator(_read_precision)] = "32"
    compile: bool = Field(default=False, description="torch.compile: minutes before the first step; GPUs gain most")
    devices: int = Field(default=1, ge=1, description="GPUs, or CPU processes, that one model is trained on together")
    save_every_s: float = Field(default=60, ge=0, description="seconds between two saves to go on from after a kill")
    channels_last: bool = Field(default=True, description="memory layout; several times faster on a CPU")

    @model_validator(mode="after")
    def _check_schedule(self) -> "TrainingParameters":
        if not self.epochs and not self.page_steps:
            raise ValueError("Expected epochs or page_steps above 0, but both are 0; say how long to train.")
        if self.epochs and self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"Expected warmup_epochs to be less than epochs ({self.epochs}), but got {self.warmup_epochs}; "
                "lower it or train longer."
            )
        if self.epochs and self.freeze_epochs >= self.epochs:
            raise ValueError(
                f"Expected freeze_epochs to be less than epochs ({self.epochs}), but got {self.freeze_epochs}; "
                "lower it or train longer."
            )
        if self.freeze_epochs and self.pretrained is False:
            raise ValueError(
                "Expected freeze_epochs only with pretrained weights, but pretrained is false: a frozen backbone that "
                "never learnt teaches the head nothing."
            )
        staged = sum(stage.share for stage in self.curriculum)
        if self.curriculum and abs(staged - 1) > 1e-6:
            raise ValueError(
                f"Expected the shares of the curriculum's stages to add up to 1, but they add up to {staged:g}; change "
                "one of them."
            )
        if self.batch_size < 2 * self.devices:
            raise ValueError(
                f"Expected batch_size to be at least two pages for each of the {self.devices} devices, but got "
                f"{self.batch_size}; raise it or lower `devices`."
            )
        return self

    def deciding(self) -> dict[str, Any]:
        """What decides the weights: all but where a training runs and how often it is saved."""
        return self.model_dump(mode="json", exclude={"enabled", "ask_share", "device", "save_every_s", "page_steps"})

    def device_needs(self) -> Needs:
        return Needs(device=self.device, devices=self.devices)

    @property
    def highest_learning_rate(self) -> float:
        """The learning rate that goes with where the weights begin."""
        return self.learning_rate.scratch if self.pretrained is False else self.learning_rate.pretrained

    @property
    def early_epochs(self) -> int:
        """How many first epochs are trained on smaller pages."""
        smaller = self.progressive_resizing
        return int(smaller.share * self.epochs) if smaller.scale < 1 else 0

    @property
    def patient_epochs(self) -> int:
        """How many first epochs do not use up the patience: the smaller ones, and all stages but the last."""
        return max(self.early_epochs, round(sum(stage.share for stage in self.curriculum[:-1]) * self.epochs))

    def stage_in(self, epoch: int) -> Stage:
        """How pages are changed in an epoch, counted from 0."""
        end = 0.0
        for stage in self.curriculum:
            end += stage.share
            if epoch < round(end * self.epochs):
                return stage
        return Stage(share=1, turns="all" if self.dihedral else "none")

    def mixes_in(self, epoch: int) -> bool:
        """Whether pages are mixed in an epoch, counted from 0."""
        return bool(self.mixup or self.cutmix) and epoch < round(self.mix_share * self.epochs)

    def size_in(self, epoch: int) -> int:
        """Side of the training input in an epoch, counted from 0, pixels."""
        return (
            max(1, round(self.progressive_resizing.scale * self.image_size))
            if epoch < self.early_epochs
            else self.image_size
        )
