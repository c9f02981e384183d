import numpy as np
from numpy.typing import NDArray

from docsort.images.contact_sheet import CAPTION_HEIGHT, MARGIN, contact_sheet


def solid(colour: tuple[int, int, int], height: int = 50, width: int = 80) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def test_pictures_stand_row_by_row_in_the_order_given() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]
    sheet = np.asarray(contact_sheet([solid(c) for c in colours], list("abcde"), columns=2, cell=60))
    for number, colour in enumerate(colours):
        row, column = divmod(number, 2)
        y = MARGIN + row * (60 + CAPTION_HEIGHT + MARGIN) + 30
        x = MARGIN + column * (60 + MARGIN) + 30
        assert sheet[y, x].tolist() == list(colour)


def test_a_picture_keeps_its_shape() -> None:
    sheet = np.asarray(contact_sheet([solid((200, 0, 0), 100, 50)], ["tall"], columns=1, cell=60))
    red = (sheet == (200, 0, 0)).all(axis=2)
    assert (red.any(axis=1).sum(), red.any(axis=0).sum()) == (60, 30)


def test_a_caption_is_drawn_and_a_long_one_stays_in_its_cell() -> None:
    blank = np.asarray(contact_sheet([solid((0, 0, 0))] * 2, ["", ""], columns=2, cell=60))
    spoken = np.asarray(contact_sheet([solid((0, 0, 0))] * 2, ["a caption far too long for this cell", ""], 2, 60))
    changed = (blank != spoken).any(axis=2)
    assert changed.any()
    assert np.nonzero(changed)[1].max() <= MARGIN + 60


def test_no_pictures_give_an_empty_white_sheet() -> None:
    assert (np.asarray(contact_sheet([], [], columns=3, cell=40)) == 255).all()
