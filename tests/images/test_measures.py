import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from docsort.images import measures
from docsort.images.hashes import hash_turns, hashes_to_text
from docsort.images.measures import measure_image, measure_images, measure_pixels, noise_level, white_border
from docsort.images.reading import UnreadableImageError
from docsort.stores import Store
from docsort.tables import IMAGES, MEASURES, PHOTOS, REJECTED_IMAGES

Pages = list[NDArray[np.uint8]]


def write(path: Path, page: NDArray[np.uint8], **options: object) -> Path:
    Image.fromarray(page).save(path, **options)
    return path


def grey(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)


def with_noise(image: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(np.round(image + noise), 0, 255).astype(np.uint8)


def test_the_measures_are_those_of_numpy_and_the_file(tmp_path: Path, pages: Pages) -> None:
    path = write(tmp_path / "page.png", pages[0])
    measures = measure_image(path)
    assert tuple(measures) == MEASURES
    assert measures["bytes"] == path.stat().st_size
    assert measures["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (measures["mode"], measures["width"], measures["height"]) == ("RGB", 310, 420)
    weights = pages[0].astype(float) @ [0.299, 0.587, 0.114]
    assert measures["brightness"] == pytest.approx(weights.mean(), abs=0.5)
    assert measures["contrast"] == pytest.approx(weights.std(), abs=0.5)
    high, low = pages[0].max(axis=2).astype(float), pages[0].min(axis=2).astype(float)
    assert measures["saturation"] == pytest.approx(np.mean(255 * (high - low) / np.maximum(high, 1)), abs=0.6)
    assert measures["dihedral_hashes"] == hashes_to_text(hash_turns(grey(pages[0])))


def test_size_is_as_seen_and_orientation_as_filed(tmp_path: Path, pages: Pages) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    measures = measure_image(write(tmp_path / "page.jpg", pages[0], exif=exif))
    assert (measures["exif_orientation"], measures["width"], measures["height"]) == (6, 420, 310)


def test_a_senseless_orientation_counts_as_none(tmp_path: Path, pages: Pages) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert measure_image(write(tmp_path / "page.jpg", pages[0], exif=exif))["exif_orientation"] == 1


def test_mode_is_that_of_the_file(tmp_path: Path, pages: Pages) -> None:
    assert measure_image(write(tmp_path / "page.png", grey(pages[0])))["mode"] == "L"


@pytest.mark.parametrize("sigma", [4.0, 8.0, 16.0])
def test_noise_is_estimated_within_a_fifth_on_pages_full_of_text(pages: Pages, sigma: float) -> None:
    estimates = [noise_level(with_noise(grey(page), sigma)) for page in pages]
    assert np.median(estimates) == pytest.approx(sigma, rel=0.2)


def test_blurring_a_page_does_not_pass_for_less_noise(pages: Pages) -> None:
    for page in pages[:6]:
        sharp = noise_level(with_noise(grey(page), 8))
        blurred = noise_level(with_noise(cv2.GaussianBlur(grey(page), (0, 0), 2), 8))
        assert blurred == pytest.approx(sharp, rel=0.15)
        assert noise_level(cv2.GaussianBlur(grey(page), (0, 0), 2)) < 1
        assert noise_level(grey(page)) < 1


def test_noise_on_pure_white_paper_is_seen_although_half_of_it_is_cut_off() -> None:
    white = np.full((400, 300), 255, dtype=np.uint8)
    assert noise_level(with_noise(white, 10)) == pytest.approx(10, rel=0.2)
    assert noise_level(white) == 0


def test_noise_does_not_vanish_behind_clean_fill(pages: Pages) -> None:
    page = with_noise(grey(pages[0]), 10)
    page[:, :100] = 255
    assert noise_level(page) == pytest.approx(10, rel=0.2)


def test_blur_lowers_sharpness_and_lamp_light_brightness(pages: Pages) -> None:
    sharp = measure_pixels(pages[0])
    blurred = measure_pixels(cv2.GaussianBlur(pages[0], (0, 0), 2))
    dark = measure_pixels((pages[0] * 0.6).astype(np.uint8))
    assert blurred["sharpness"] < 0.2 * sharp["sharpness"]
    assert dark["brightness"] == pytest.approx(0.6 * sharp["brightness"], rel=0.02)


def test_a_large_photo_is_measured_like_its_small_copy(pages: Pages) -> None:
    large = cv2.resize(pages[0], None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(large, (567, 768), interpolation=cv2.INTER_AREA)
    one, other = measure_pixels(large), measure_pixels(small)
    for name in ("brightness", "contrast", "saturation", "sharpness", "white_border"):
        assert one[name] == pytest.approx(other[name], rel=0.02), name


def test_white_border_is_the_share_of_the_frame_alone() -> None:
    page = np.zeros((100, 200), dtype=np.uint8)
    assert white_border(page) == 0
    page[:2], page[-2:], page[:, :2], page[:, -2:] = 255, 255, 255, 255
    assert white_border(page) == 1
    page[:, 100:] = 0
    assert white_border(page) == pytest.approx(0.5, abs=0.01)
    assert white_border(np.full((1, 1), 255, dtype=np.uint8)) == 1


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (7, 7), (1, 4000)])
def test_tiny_and_odd_images_are_measured_too(shape: tuple[int, int]) -> None:
    measures = measure_pixels(np.full((*shape, 3), 128, dtype=np.uint8))
    assert all(np.isfinite(value) for value in measures.values() if isinstance(value, float))


def listing(paths: list[Path]) -> pd.DataFrame:
    rows = [(path.name, "train", str(path), 0, place) for place, path in enumerate(paths)]
    return pd.DataFrame(rows, columns=list(PHOTOS)).astype({"target": "Int64"})


def test_tables_keep_the_order_of_photos_and_name_what_was_rejected(tmp_path: Path, pages: Pages) -> None:
    paths = [write(tmp_path / f"{place:03d}.jpg", pages[place % 12]) for place in range(70)]
    paths[5].write_bytes(b"")
    buffer = BytesIO()
    Image.fromarray(pages[0]).save(buffer, "JPEG")
    paths[40].write_bytes(buffer.getvalue()[:-500])
    paths[69].unlink()
    photos = listing(paths).sample(frac=1, random_state=0, ignore_index=True)
    images, rejected = measure_images(photos)
    assert tuple(images.columns) == IMAGES
    assert tuple(rejected.columns) == REJECTED_IMAGES
    bad = {"005.jpg", "040.jpg", "069.jpg"}
    assert images["image_id"].tolist() == [name for name in photos["image_id"] if name not in bad]
    assert rejected["image_id"].tolist() == [name for name in photos["image_id"] if name in bad]
    reasons = dict(zip(rejected["image_id"], rejected["reason"], strict=True))
    assert "empty" in reasons["005.jpg"]
    assert "not a whole image" in reasons["040.jpg"]
    assert "cannot be opened" in reasons["069.jpg"]
    row = images[images["image_id"] == "007.jpg"].iloc[0]
    assert row["dihedral_hashes"] == measure_image(paths[7])["dihedral_hashes"]


def test_files_measured_before_are_not_decoded_again_but_those_that_were_rejected(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, store, decoded = (
        [write(tmp_path / f"{place}.png", pages[place]) for place in range(4)],
        Store(tmp_path / "kept"),
        [],
    )
    paths[1].write_bytes(b"no picture")
    write(tmp_path / "4.png", pages[0])
    original = measures.map_surviving

    def counting(function: Any, items: Any, *others: Any) -> Any:
        decoded.append([Path(path).name for (path,) in items])
        return original(function, items, *others)

    monkeypatch.setattr(measures, "map_surviving", counting)
    photos = listing([*paths, tmp_path / "4.png", tmp_path / "lost.png"])
    plain = measure_images(photos)
    first, again = measure_images(photos, store), measure_images(photos, store)
    for made in (first, again):
        for expected, found in zip(plain, made, strict=True):
            pd.testing.assert_frame_equal(expected, found)
    everything = ["0.png", "1.png", "2.png", "3.png", "4.png", "lost.png"]
    assert decoded == [everything, everything, ["1.png", "lost.png"]]
    write(paths[2], pages[7])
    changed = measure_images(photos, store)[0]
    assert decoded[-1] == everything
    assert changed["sha256"].ne(plain[0]["sha256"]).tolist() == [False, True, False, False]


def test_a_photo_that_kills_its_worker_is_rejected_by_name(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path / f"{place}.png", pages[place]) for place in range(3)]

    def dying_of_one(function: Any, items: Any, size: int, on_death: Any, on_done: Any) -> list[Any]:
        return [on_death(*item) if item[0].endswith("1.png") else function(*item) for item in items]

    monkeypatch.setattr(measures, "map_surviving", dying_of_one)
    images, rejected = measure_images(listing(paths))
    assert images["image_id"].tolist() == ["0.png", "2.png"]
    assert rejected["image_id"].tolist() == ["1.png"]
    assert (
        rejected["reason"]
        .str.fullmatch(r".*1\.png: decoding it ended its worker, .*; save it anew as JPEG or PNG")
        .all()
    )


def test_nothing_to_measure_gives_empty_tables_with_their_columns() -> None:
    images, rejected = measure_images(listing([]))
    assert (len(images), tuple(images.columns)) == (0, IMAGES)
    assert (len(rejected), tuple(rejected.columns)) == (0, REJECTED_IMAGES)


def test_a_file_that_is_not_there_is_an_error_for_one(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="cannot be opened"):
        measure_image(tmp_path / "no.jpg")
