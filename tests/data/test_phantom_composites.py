"""Composite pictures: their layouts, their boxes, their pixels."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data.phantom import phantom_composites
from dermbook.data.phantom.artefacts import decompress
from dermbook.data.phantom.composite_layouts import LAYOUTS, SMALLEST, draw_layout
from dermbook.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def collection():
    return phantom_composites(240, seed=2, height=96, width=128)


def layouts(panels, height=96, width=128, count=300):
    return [draw_layout(np.random.default_rng([9, k]), panels, height, width) for k in range(count)]


# --- geometry ------------------------------------------------------------------------------------


@pytest.mark.parametrize("panels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(96, 128), (64, 64), (200, 90), (333, 512)])
def test_boxes_lie_in_the_picture_and_never_overlap(panels, size):
    height, width = size
    for layout in layouts(panels, height, width, 120):
        assert len(layout.boxes) == panels
        cover = np.zeros(size, int)
        for x0, y0, x1, y1 in layout.boxes:
            assert 0 <= x0 < x1 <= width
            assert 0 <= y0 < y1 <= height
            assert min(x1 - x0, y1 - y0) >= SMALLEST - 6  # 64 x 64 is the tightest
            cover[y0:y1, x0:x1] += 1
        assert cover.max() == 1
        if layout.strip is not None:
            x0, y0, x1, y1 = layout.strip
            assert cover[y0:y1, x0:x1].sum() == 0
            cover[y0:y1, x0:x1] = 1
        if layout.border == "none":  # then panels and caption fill the picture
            assert cover.all()
        else:
            assert (cover == 0).any()


def test_boxes_are_in_reading_order_and_often_unequal():
    unequal = 0
    for layout in layouts(3):
        corners = [(y0, x0) for x0, y0, _, _ in layout.boxes]
        if layout.name == "column":
            assert corners == sorted(corners)
        if layout.name == "row":
            assert [x for _, x in corners] == sorted(x for _, x in corners)
        areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in layout.boxes]
        unequal += max(areas) > 1.3 * min(areas)
        if layout.name == "1+2":
            assert areas[0] == max(areas)
    assert 0.3 < unequal / 300 < 0.95


def test_every_layout_border_and_caption_occurs():
    for panels, names in LAYOUTS.items():
        found = layouts(panels)
        assert {layout.name for layout in found} == set(names)
        assert {layout.border for layout in found} == {"none", "thin", "white", "black"}
        assert {layout.caption for layout in found} == {"none", "letters", "strip"}


# --- the table -----------------------------------------------------------------------------------


def test_table(collection):
    table = collection.table
    assert collection.name == "phantom-composites"
    assert collection.phantom
    assert collection.classes == ("1", "2", "3", "4")
    assert list(table.columns) == [
        "label", "group", "panels", "layout", "border", "caption", "content", "distractor",
    ]  # fmt: skip
    assert collection.class_counts().to_dict() == {"1": 120, "2": 40, "3": 40, "4": 40}
    assert table["group"].is_unique
    assert (table["label"] == table["panels"].astype(str)).all()
    assert table.loc[table["panels"] > 1, "distractor"].eq("none").all()
    single = table[table["panels"] == 1]
    assert set(single["distractor"]) == {"none", "ruler", "drape", "fold", "scope"}
    assert single["layout"].eq("single").all()
    assert set(table["content"]) == {"clinical", "dermoscopic", "both"}
    assert not single["content"].eq("both").any()


@pytest.mark.parametrize(
    ("panels", "single", "expected"),
    [
        ((1, 2), 0.7, {"1": 42, "2": 18}),
        ((2, 3, 4), 0.7, {"2": 20, "3": 20, "4": 20}),
        ((1,), 0.2, {"1": 60}),
        ((4, 2), 0.5, {"2": 30, "4": 30}),
        ((1, 4), 0.99, {"1": 57, "4": 3}),
    ],
)
def test_numbers_of_panels_are_counted_exactly(panels, single, expected):
    found = phantom_composites(60, panels=panels, single=single)
    assert found.class_counts().to_dict() == expected


# --- pictures ------------------------------------------------------------------------------------


def test_boxes_are_the_panels_of_the_picture(collection):
    checked = 0
    for image_id in collection.ids[:80]:
        rendering = collection.source.rendering(image_id)
        boxes = collection.source.boxes(image_id)
        assert boxes.dtype == np.int64
        assert boxes.shape == (collection.table.loc[image_id, "panels"], 4)
        if rendering.layout.caption == "letters" or rendering.distractor != "none":
            continue
        checked += 1
        picture, rest = rendering.picture, np.ones((96, 128), bool)
        for (x0, y0, x1, y1), panel in zip(boxes, rendering.panels, strict=True):
            assert np.array_equal(picture[y0:y1, x0:x1], panel.picture)
            rest[y0:y1, x0:x1] = False
        if rendering.layout.strip is not None:
            x0, y0, x1, y1 = rendering.layout.strip
            rest[y0:y1, x0:x1] = False
        assert (picture[rest] == rendering.layout.tone).all()
    assert checked > 30


def test_captions_and_distractors_change_the_picture(collection):
    table = collection.table
    for kind in ("ruler", "drape", "fold", "scope"):
        image_id = table.index[table["distractor"] == kind][0]
        rendering = collection.source.rendering(image_id)
        x0, y0, x1, y1 = rendering.layout.boxes[0]
        change = np.abs(
            rendering.picture[y0:y1, x0:x1].astype(int) - rendering.panels[0].picture
        ).max(2)
        assert 0.005 < (change > 30).mean() < 0.7, kind
    lettered = table.index[(table["caption"] == "letters") & (table["panels"] == 4)][0]
    rendering = collection.source.rendering(lettered)
    for (x0, y0, x1, y1), panel in zip(rendering.layout.boxes, rendering.panels, strict=True):
        assert not np.array_equal(rendering.picture[y0:y1, x0:x1], panel.picture)


def test_image_is_the_decoded_file_and_mask_that_of_the_panels(collection):
    for image_id in collection.ids[:10]:
        image, mask = collection.image(image_id), collection.mask(image_id)
        assert image.shape == (96, 128, 3)
        assert image.dtype == np.uint8
        assert np.array_equal(image, decompress(collection.source.encoded(image_id)))
        assert mask.shape == (96, 128)
        assert mask.dtype == bool
        outside = np.ones((96, 128), bool)
        for x0, y0, x1, y1 in collection.source.boxes(image_id):
            outside[y0:y1, x0:x1] = False
        assert not (mask & outside).any()


def test_panels_of_one_picture_differ(collection):
    several = collection.table.index[collection.table["panels"] > 1][:30]
    for image_id in several:
        shots = [panel.shot for panel in collection.source.rendering(image_id).panels]
        assert len(set(shots)) == len(shots)


# --- determinism and refusals --------------------------------------------------------------------


def test_same_seed_same_bytes_whatever_else_is_made(collection):
    again = phantom_composites(240, seed=2, height=96, width=128)
    pd.testing.assert_frame_equal(collection.table, again.table)
    assert collection.fingerprint == again.fingerprint
    assert again.fingerprint != phantom_composites(240, seed=3, height=96, width=128).fingerprint
    fewer = phantom_composites(60, seed=2, height=96, width=128, panels=(3, 4))
    where = {collection.source.shot(i): i for i in collection.ids}
    for image_id in fewer.ids[:6]:
        same = where[fewer.source.shot(image_id)]
        assert fewer.source.encoded(image_id) == collection.source.encoded(same)
        assert np.array_equal(fewer.source.boxes(image_id), collection.source.boxes(same))
    # asking for the mask first changes nothing
    rendering = collection.source.rendering(collection.ids[3])
    assert rendering.mask is not None
    assert rendering.encoded == collection.source.encoded(collection.ids[3])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", 11),
        ("images", "many"),
        ("height", 32),
        ("width", 2000),
        ("seed", -1),
        ("panels", (1, 5)),
        ("panels", ()),
        ("panels", 3),
        ("single", 0),
        ("single", 1.0),
        ("single", None),
    ],
)
def test_parameter_out_of_range_is_named(name, value):
    with pytest.raises(ParameterError, match=name):
        phantom_composites(**{"images": 100, name: value})


def test_unknown_image_is_named(collection):
    with pytest.raises(DataError, match="PXI_9"):
        collection.source.boxes("PXI_9")
