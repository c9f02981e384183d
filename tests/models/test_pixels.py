import pytest
import torch

from docsort.models.pixels import Normaliser

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture
def pages() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (4, 8, 8, 3), dtype=torch.uint8, generator=generator).permute(0, 3, 1, 2)


def test_normalises_like_torchvision(pages: torch.Tensor) -> None:
    from torchvision.transforms.v2 import functional

    expected = functional.normalize(pages.float() / 255, list(MEAN), list(STD))
    torch.testing.assert_close(Normaliser(MEAN, STD)(pages), expected)


def test_jitter_is_contrast_about_grey_then_brightness(pages: torch.Tensor) -> None:
    contrast, brightness = torch.tensor([1.0, 0.8, 1.2, 1.0]), torch.tensor([0.0, 0.1, -0.1, 0.2])
    unit = pages.float() / 255
    jittered = (unit - 0.5) * contrast.view(-1, 1, 1, 1) + 0.5 + brightness.view(-1, 1, 1, 1)
    expected = (jittered - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    torch.testing.assert_close(Normaliser(MEAN, STD)(pages, contrast, brightness), expected)


def test_a_page_comes_out_alike_alone_and_among_others(pages: torch.Tensor) -> None:
    normaliser = Normaliser(MEAN, STD)
    jitter = torch.tensor([1.0, 0.8, 1.2, 0.9]), torch.tensor([0.0, 0.1, -0.1, 0.2])
    together = normaliser(pages, *jitter)
    in_one_pass = pages.permute(0, 2, 3, 1).float()
    stretch, added = (values.view(-1, 1, 1, 1) for values in jitter)
    in_one_pass *= 1 / (255 * normaliser.std) * stretch
    in_one_pass += ((1 - stretch) / 2 + added - normaliser.mean) / normaliser.std
    assert torch.equal(together, in_one_pass.permute(0, 3, 1, 2))
    for number in range(len(pages)):
        part = slice(number, number + 1)
        assert torch.equal(normaliser(pages[part], *(values[part] for values in jitter)), together[part])


@pytest.mark.gpu
def test_a_gpu_normalises_as_a_cpu_does(pages: torch.Tensor) -> None:
    jitter = torch.tensor([1.0, 0.8, 1.2, 0.9]), torch.tensor([0.0, 0.1, -0.1, 0.2])
    on_gpu = Normaliser(MEAN, STD, "cuda")(pages.cuda(), *(values.cuda() for values in jitter))
    torch.testing.assert_close(on_gpu.cpu(), Normaliser(MEAN, STD)(pages, *jitter))


def test_channels_stay_last_in_memory_and_pixels_unchanged(pages: torch.Tensor) -> None:
    before = pages.clone()
    result = Normaliser(MEAN, STD)(pages)
    assert result.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(pages, before)
