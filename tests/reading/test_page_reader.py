import numpy as np
import pytest
from drawn_text import LINES, PLACE, TITLE, draw_words
from numpy.typing import NDArray

from docsort.images.dihedral import TURNS, apply_turn, inverse_turn
from docsort.images.straightening import rotate_whole
from docsort.reading.engines import Engine
from docsort.reading.page_reader import VIEWS, along_the_text, read_page, upright_turn
from docsort.reading.rapid import RapidEngine
from docsort.reading.text import PageText

PAGE = draw_words()


@pytest.fixture(scope="module")
def engine() -> RapidEngine:
    return RapidEngine("latin")


def letters(text: str) -> str:
    return "".join(text.split()).lower()


@pytest.fixture(scope="module")
def by_turn(engine: RapidEngine) -> dict[int, PageText]:
    return {turn: read_page(apply_turn(PAGE, turn), engine, 12) for turn in TURNS}


@pytest.mark.parametrize("turn", TURNS)
def test_a_page_is_read_and_its_turn_is_named_whichever_way_it_lies(turn: int, by_turn: dict[int, PageText]) -> None:
    found = by_turn[turn]

    assert {letters(line.text) for line in found.lines} == {letters(line) for line in (TITLE, *LINES)}
    assert found.turn == inverse_turn(turn)
    assert min(line.confidence for line in found.lines) > 0.8


def test_as_it_lies_a_mirrored_line_says_something_else(engine: RapidEngine) -> None:
    found = read_page(PAGE, engine, 1).lines[0]
    x, y = (np.array(found.box) * PAGE.shape[1::-1]).round().astype(int).T
    line = PAGE[y.min() : y.max(), x.min() : x.max()]

    said = [letters(engine.recognise([np.ascontiguousarray(turned(line))])[0][0]) for turned, _ in VIEWS]
    assert [text == letters(TITLE) for text in said] == [True, False, False, False]


@pytest.mark.parametrize(("degrees", "mirrored"), [(-100, False), (-33, True), (20, True), (75, False), (140, False)])
def test_slanted_pages_are_read(degrees: int, mirrored: bool, engine: RapidEngine) -> None:
    slanted = rotate_whole(PAGE[:, ::-1] if mirrored else PAGE, degrees)

    found = read_page(slanted, engine, 12)
    assert {letters(TITLE), letters(LINES[2])} <= {letters(line.text) for line in found.lines}
    assert found.turn is not None
    assert read_page(apply_turn(slanted, found.turn), engine, 2).turn == 0


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_begins_where_its_text_does_and_goes_along_it(turn: int, by_turn: dict[int, PageText]) -> None:
    title = by_turn[turn].lines[0]
    where = [
        (PLACE[0], PLACE[1]),
        (PLACE[0] + 490, PLACE[1]),
        (PLACE[0] + 490, PLACE[1] + 60),
        (PLACE[0], PLACE[1] + 60),
    ]

    for corner, (x, y) in zip(title.box, where, strict=True):
        spot = np.zeros(PAGE.shape[:2])
        spot[y, x] = 1
        turned = apply_turn(spot, turn)
        row, column = np.argwhere(turned)[0]
        assert corner == pytest.approx((column / turned.shape[1], row / turned.shape[0]), abs=0.03)


def test_the_largest_lines_come_first_and_no_more_than_are_wanted(
    engine: RapidEngine, by_turn: dict[int, PageText]
) -> None:
    every = by_turn[0]
    assert len(every.lines) == 4
    assert letters(every.lines[0].text) == letters(TITLE)
    assert [line.size for line in every.lines] == sorted((line.size for line in every.lines), reverse=True)
    assert 40 / 900 < every.lines[0].size < 80 / 900

    assert read_page(PAGE, engine, 2).lines == every.lines[:2]


def test_what_was_read_of_a_page_does_not_depend_on_what_was_read_before(
    engine: RapidEngine, by_turn: dict[int, PageText]
) -> None:
    read_page(draw_words("INVOICE", ("Total 40,480",)), engine, 12)
    assert read_page(PAGE, engine, 12) == by_turn[0]
    assert read_page(PAGE, RapidEngine("latin"), 12) == by_turn[0]


@pytest.mark.parametrize("shape", [(700, 500), (1, 1), (2, 900), (3000, 5)])
def test_a_page_without_text_has_none_and_no_turn(shape: tuple[int, int], engine: RapidEngine) -> None:
    found = read_page(np.full((*shape, 3), 255, dtype=np.uint8), engine, 12)
    assert (found.lines, found.turn, found.problem) == ((), None, "")


def test_a_huge_page_is_read_like_a_small_one(engine: RapidEngine, by_turn: dict[int, PageText]) -> None:
    huge = np.kron(PAGE, np.ones((8, 8, 1), dtype=np.uint8))
    assert huge.shape == (7200, 5600, 3)
    found = read_page(huge, engine, 12)
    assert {letters(line.text) for line in found.lines} == {letters(line) for line in (TITLE, *LINES)}
    assert found.lines[0].size == pytest.approx(by_turn[0].lines[0].size, rel=0.2)


@pytest.mark.parametrize("degrees", [-89.0, -46, -44, -10, 0, 10, 44, 46, 89])
def test_all_boxes_of_a_page_are_laid_along_its_text(degrees: float) -> None:
    rng = np.random.default_rng(3)
    along = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    across = np.array([-along[1], along[0]])
    boxes = []
    for _ in range(12):
        middle, long, high = rng.uniform(200, 800, 2), along * rng.uniform(15, 200), across * 10
        corners = np.stack([middle - long - high, middle + long - high, middle + long + high, middle - long + high])
        corners = np.roll(corners, rng.integers(4), axis=0)
        boxes.append(corners[::-1] if rng.random() < 0.5 else corners)
    upright = np.stack(
        [across * 60 - along * 9, across * 60 + along * 9, -across * 60 + along * 9, -across * 60 - along * 9]
    )

    laid, found = along_the_text(np.array([*boxes, upright + 400], dtype=np.float32))

    assert abs((found - degrees + 90) % 180 - 90) < 4
    assert len(laid) == 12  # the upright one is no line of this page
    first = laid[:, 1] - laid[:, 0]
    senses = np.sign(first @ along)
    assert (np.abs(first @ across) < 2).all()
    assert (senses == senses[0]).all()
    second = laid[:, 2] - laid[:, 1]
    assert (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] > 0).all()  # clockwise, as y goes down


@pytest.mark.parametrize(
    ("text", "confidence", "turn"), [("diagnosis", 0.9, 0), ("diagnosis", 0.4, None), ("a", 1, None)]
)
def test_the_turn_is_named_only_where_enough_was_read_surely(text: str, confidence: float, turn: int | None) -> None:
    class SameEngine:
        def detect(self, page: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.array([[[50, 80], [250, 80], [250, 120], [50, 120]]], dtype=np.float32)

        def recognise(self, lines: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
            return [(text, confidence)]

    found = read_page(np.zeros((200, 300, 3), dtype=np.uint8), SameEngine(), 3)
    assert ([line.text for line in found.lines], found.turn) == ([text], turn)


@pytest.mark.parametrize("turn", TURNS)
def test_the_turn_follows_from_the_direction_and_the_view(turn: int) -> None:
    class PatternEngine:
        """Reads one line, whose left upper part is black; any other view is another line."""

        def detect(self, page: NDArray[np.uint8]) -> NDArray[np.float32]:
            rows, columns = np.nonzero(page[:, :, 0] < 200)
            left, right, top, bottom = columns.min(), columns.max(), rows.min(), rows.max()
            return np.array([[[left, top], [right, top], [right, bottom], [left, bottom]]], dtype=np.float32)

        def recognise(self, lines: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
            quarters = [line[: line.shape[0] // 2, : line.shape[1] // 2].mean() for line in lines]
            return [("right" if dark < 60 else "wrong", 0.9 if dark < 60 else 0.4) for dark in quarters]

    page = np.full((200, 300, 3), 255, dtype=np.uint8)
    page[80:120, 50:250] = 180
    page[80:100, 50:150] = 0
    engine: Engine = PatternEngine()

    found = read_page(apply_turn(page, turn), engine, 3)
    assert found.lines[0].text == "right"
    assert found.turn == inverse_turn(turn)
    assert {upright_turn(degrees, view) for degrees in (0, 90) for view in range(4)} == set(TURNS)
