import numpy as np
import pytest
import torch
from pydantic import ValidationError
from timm.data import Mixup
from timm.loss import LabelSmoothingCrossEntropy

from docsort.training.epochs import Mix
from docsort.training.losses import (
    AngularMargin,
    FocalLoss,
    SoftMacroF1Loss,
    build_loss,
    effective_weights,
    inverse_weights,
    mix_pages,
)
from docsort.training.parameters import TrainingParameters

RECIPE = TrainingParameters.model_validate(
    {
        "backbone": "lcnet_035",
        "pretrained": False,
        "image_size": 32,
        "epochs": 3,
        "patience": 3,
        "batch_size": 8,
        "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
    }
)
LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [1.0, -2.0, 0.0], [0.0, 0.0, 3.0]])
LABELS = torch.tensor([0, 2, 0, 1])


def test_label_smoothing_is_timms() -> None:
    loss = build_loss(RECIPE.model_copy(update={"label_smoothing": 0.1}), [1, 1, 1])
    torch.testing.assert_close(loss(LOGITS, LABELS), LabelSmoothingCrossEntropy(0.1)(LOGITS, LABELS))


def test_inverse_weights_are_sklearns_balanced_ones() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [10, 40, 5])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(inverse_weights([10, 40, 5]).numpy(), expected, rtol=1e-6)


def test_class_weights_enter_the_loss() -> None:
    weighted = build_loss(RECIPE.model_copy(update={"class_weights": "inverse"}), [10, 40, 5])
    expected = torch.nn.functional.cross_entropy(LOGITS, LABELS, weight=inverse_weights([10, 40, 5]))
    torch.testing.assert_close(weighted(LOGITS, LABELS), expected)


def test_logit_adjustment_adds_the_share_of_each_class_to_what_is_learnt() -> None:
    counts, shares = [10, 40, 5], torch.tensor([10, 40, 5]) / 55
    loss = build_loss(recipe(logit_adjustment=2), counts)
    expected = torch.nn.functional.cross_entropy(LOGITS + 2 * shares.log(), LABELS)
    torch.testing.assert_close(loss(LOGITS, LABELS), expected)
    rare, common = torch.tensor([[0.0, 0.0, 0.1]]), torch.tensor([[0.0, 0.1, 0.0]])
    plain = build_loss(RECIPE, counts)
    assert plain(rare, torch.tensor([2])) == plain(common, torch.tensor([1]))
    assert loss(rare, torch.tensor([2])) > loss(common, torch.tensor([1]))


def recipe(**changes: object) -> TrainingParameters:
    return TrainingParameters.model_validate(RECIPE.model_dump() | changes)


def test_effective_weights_are_those_of_the_paper_and_lie_between_none_and_inverse() -> None:
    counts = [10, 40, 5]
    raw = np.array([(1 - 0.9) / (1 - 0.9**count) for count in counts])
    found = effective_weights(counts, 0.9).numpy()
    np.testing.assert_allclose(found / found[0], raw / raw[0], rtol=1e-6)
    assert (found * counts).sum() / sum(counts) == pytest.approx(1)
    np.testing.assert_allclose(effective_weights(counts, 0.0).numpy(), np.ones(3))
    np.testing.assert_allclose(effective_weights(counts, 1 - 1e-9).numpy(), inverse_weights(counts).numpy(), rtol=1e-4)


def test_given_weights_go_by_class_number() -> None:
    weighted = build_loss(recipe(class_weights={14: 3.0, 3: 2.0}), [1, 1, 1], targets=[3, 7, 14])
    expected = torch.nn.functional.cross_entropy(LOGITS, LABELS, weight=torch.tensor([2.0, 1.0, 3.0]))
    torch.testing.assert_close(weighted(LOGITS, LABELS), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 1.0])])
@pytest.mark.parametrize("soft", [False, True])
def test_focal_without_focus_is_torchs_cross_entropy(smoothing: float, weight: torch.Tensor | None, soft: bool) -> None:
    labels = torch.nn.functional.one_hot(LABELS, 3) * 0.8 + 0.2 / 3 if soft else LABELS
    expected = torch.nn.functional.cross_entropy(LOGITS, labels, weight=weight, label_smoothing=smoothing)
    torch.testing.assert_close(FocalLoss(0.0, weight, smoothing)(LOGITS, labels), expected)


def test_focal_is_the_formula_of_the_paper() -> None:
    chances = LOGITS.softmax(dim=1)[torch.arange(4), LABELS]
    expected = (-((1 - chances) ** 2) * chances.log()).mean()
    torch.testing.assert_close(FocalLoss(2.0)(LOGITS, LABELS), expected)


def test_soft_macro_f1_of_sure_answers_is_one_less_sklearns_macro_f1() -> None:
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    labels, answers = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    logits = torch.nn.functional.one_hot(torch.from_numpy(answers), 4).float() * 200
    expected = 1 - f1_score(labels, answers, average="macro")
    assert SoftMacroF1Loss()(logits, torch.from_numpy(labels)).item() == pytest.approx(expected, abs=1e-5)


def test_soft_macro_f1_leaves_out_classes_that_the_batch_has_not() -> None:
    logits = torch.tensor([[50.0, 0, 0], [0, 50.0, 0]])
    assert SoftMacroF1Loss()(logits, torch.tensor([0, 1])).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("terms", [{"cross_entropy": 0, "focal": 1}, {"soft_macro_f1": 0.5, "focal": 0.3}])
def test_a_sum_is_its_terms_and_every_loss_can_be_descended(terms: dict[str, float]) -> None:
    loss = build_loss(recipe(loss=terms), [3, 2, 1])
    shares = {"cross_entropy": 1.0} | terms
    parts = {"cross_entropy": torch.nn.CrossEntropyLoss(), "focal": FocalLoss(2.0), "soft_macro_f1": SoftMacroF1Loss()}
    expected = sum(share * parts[name](LOGITS, LABELS) for name, share in shares.items())
    torch.testing.assert_close(loss(LOGITS, LABELS), expected)
    logits = LOGITS.clone().requires_grad_()
    before = loss(logits, LABELS)
    before.backward()
    assert loss(LOGITS - 0.1 * logits.grad, LABELS) < before


def test_a_loss_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="Expected at least one term of the loss to weigh more than 0"):
        recipe(loss={"cross_entropy": 0})


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_mixing_is_timms_mixup(share: float) -> None:
    pages = torch.rand(4, 3, 5, 5)
    reference = Mixup(mixup_alpha=1.0, num_classes=3, label_smoothing=0.0)
    reference._params_per_batch = lambda: (share, False)
    expected_pages, expected_labels = reference(pages.clone(), LABELS)
    mixed, labels = mix_pages(pages, LABELS, Mix(share), 3)
    torch.testing.assert_close(mixed, expected_pages)
    torch.testing.assert_close(labels, expected_labels)


def test_odd_batch_can_be_mixed() -> None:
    _, labels = mix_pages(torch.rand(3, 3, 5, 5), LABELS[:3], Mix(0.25), 3)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(labels[1], torch.tensor([0.0, 0.0, 1.0]))


def test_a_box_comes_from_the_partner_and_labels_follow_the_pixels() -> None:
    pages = torch.rand(4, 3, 10, 10)
    mixed, labels = mix_pages(pages, LABELS, Mix(0.7, (0.2, 0.7, 0.4, 1.0)), 3)
    partner = pages.flip(0)
    torch.testing.assert_close(mixed[..., 2:7, 4:10], partner[..., 2:7, 4:10])
    outside = torch.ones(10, 10, dtype=torch.bool)
    outside[2:7, 4:10] = False
    torch.testing.assert_close(mixed[..., outside], pages[..., outside])
    own = torch.nn.functional.one_hot(LABELS, 3).float()
    torch.testing.assert_close(labels, own * 0.7 + own.flip(0) * 0.3)


def test_the_share_of_a_box_is_that_of_the_whole_pixels_it_covers() -> None:
    box = (0.0, 0.26, 0.0, 0.74)  # of 10 pixels 3 rows and 7 columns are whole
    drawn = 1 - 0.26 * 0.74
    pages = torch.zeros(2, 3, 10, 10)
    pages[1] = 1
    mixed, labels = mix_pages(pages, torch.tensor([0, 1]), Mix(drawn, box), 2)
    covered = mixed[0, 0].mean()
    assert abs(float(covered) - (1 - drawn)) > 0.01, "else the drawn share would pass too"
    torch.testing.assert_close(
        labels, torch.stack([torch.stack([1 - covered, covered]), torch.stack([covered, 1 - covered])])
    )


def reference_arcface(cosines: np.ndarray, labels: np.ndarray, scale: float, margin: float) -> float:
    """Page by page, with the angle itself, as the paper has it."""
    losses = []
    for row, label in zip(cosines, labels, strict=True):
        logits, angle = scale * row, np.arccos(row[label])
        beyond = angle + margin > np.pi
        logits[label] = scale * (row[label] - margin * np.sin(margin) if beyond else np.cos(angle + margin))
        losses.append(np.log(np.exp(logits - logits[label]).sum()))
    return float(np.mean(losses))


COSINES = torch.tensor([[0.9, -0.2, 0.1], [0.3, 0.0, -0.99], [-0.5, 1.0, 0.2], [0.999, -1.0, 0.4]])


@pytest.mark.parametrize("margin", [0.0, 0.3, 0.5, 1.0])
def test_margin_is_the_formula_of_the_paper(margin: float) -> None:
    expected = reference_arcface(COSINES.numpy().astype(float), LABELS.numpy(), 20.0, margin)
    loss = AngularMargin(torch.nn.CrossEntropyLoss(), 20.0, margin)
    assert loss(20 * COSINES, LABELS).item() == pytest.approx(expected, rel=1e-4)


def test_no_margin_is_the_cross_entropy_of_scaled_cosines() -> None:
    loss = build_loss(recipe(head={"kind": "arcface", "scale": 20, "margin": 0}), [1, 1, 1])
    torch.testing.assert_close(loss(20 * COSINES, LABELS), torch.nn.functional.cross_entropy(20 * COSINES, LABELS))


def test_margin_makes_pages_harder_all_the_way_and_has_a_slope_at_both_ends() -> None:
    loss = AngularMargin(torch.nn.CrossEntropyLoss(reduction="none"), 10.0, 0.4)
    cosines = torch.linspace(-1, 1, 201)
    logits = (10 * torch.stack([cosines, torch.zeros(201)], dim=1)).requires_grad_()
    losses = loss(logits, torch.zeros(201, dtype=torch.int64))
    plain = torch.nn.functional.cross_entropy(logits, torch.zeros(201, dtype=torch.int64), reduction="none")
    assert (losses > plain).all()
    assert (losses.diff() < 0).all()
    losses.sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_mixed_page_has_the_margin_of_each_class_by_its_share() -> None:
    loss = AngularMargin(torch.nn.CrossEntropyLoss(), 20.0, 0.4)
    cosines, shares = torch.tensor([[0.5, 0.3, -0.2]]), torch.tensor([[0.75, 0.25, 0.0]])
    angles = cosines.arccos() + torch.tensor([[0.3, 0.1, 0.0]])
    expected = torch.nn.functional.cross_entropy(20 * angles.cos(), shares)
    torch.testing.assert_close(loss(20 * cosines, shares), expected)
    whole = torch.nn.functional.one_hot(LABELS, 3).float()
    torch.testing.assert_close(loss(20 * COSINES, whole), loss(20 * COSINES, LABELS))


def test_margin_hands_on_to_the_loss_of_the_recipe() -> None:
    terms, head = {"cross_entropy": 0.5, "focal": 1}, {"kind": "arcface", "scale": 20, "margin": 0.3}
    changes = {"loss": terms, "label_smoothing": 0.1, "class_weights": "inverse"}
    loss = build_loss(recipe(**changes, head=head), [10, 40, 5])
    cosines = COSINES.clamp(min=-0.9)  # no angle beyond pi
    turned = 20 * (cosines.arccos() + 0.3 * torch.nn.functional.one_hot(LABELS, 3)).cos()
    expected = build_loss(recipe(**changes), [10, 40, 5])(turned, LABELS)
    torch.testing.assert_close(loss(20 * cosines, LABELS), expected, rtol=1e-4, atol=1e-4)
