import numpy as np
import pytest
import torch
from timm.data import Mixup
from timm.loss import LabelSmoothingCrossEntropy

from docsort.training.losses import build_loss, inverse_weights, mix_pages
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


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_mixing_is_timms_mixup(share: float) -> None:
    pages = torch.rand(4, 3, 5, 5)
    reference = Mixup(mixup_alpha=1.0, num_classes=3, label_smoothing=0.0)
    reference._params_per_batch = lambda: (share, False)
    expected_pages, expected_labels = reference(pages.clone(), LABELS)
    mixed, labels = mix_pages(pages, LABELS, share, 3)
    torch.testing.assert_close(mixed, expected_pages)
    torch.testing.assert_close(labels, expected_labels)


def test_odd_batch_can_be_mixed() -> None:
    _, labels = mix_pages(torch.rand(3, 3, 5, 5), LABELS[:3], 0.25, 3)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(labels[1], torch.tensor([0.0, 0.0, 1.0]))
