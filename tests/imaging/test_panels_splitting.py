"""Panels as rows: ids, provenance, pixels, fingerprints, caches, files, and splits."""

import cv2
import numpy as np
import pandas as pd
import pytest

from dermbook.data import Collection, audit, cached_images, grouped_split, phantom_composites
from dermbook.data.phantom.artefacts import decompress
from dermbook.errors import DataError
from dermbook.imaging import panels


@pytest.fixture(scope="module")
def composites():
    return phantom_composites(60, seed=5)


@pytest.fixture(scope="module")
def truth(composites):
    return {image_id: composites.source.boxes(image_id) for image_id in composites.ids}


@pytest.fixture(scope="module")
def cut(composites, truth):
    return panels.split_composites(composites, truth)


def test_rows_ids_and_what_they_inherit(composites, truth, cut):
    assert cut.name == "phantom-composites-panels"
    assert cut.phantom
    assert len(cut) == sum(map(len, truth.values())) == composites.table["panels"].sum()
    for image_id, boxes in truth.items():
        rows = cut.table[cut.table["parent"] == image_id]
        assert rows.index.tolist() == [f"{image_id}-{k + 1}" for k in range(len(boxes))]
        assert rows["panel"].tolist() == list(range(1, len(boxes) + 1))
        assert (rows["panels_found"] == len(boxes)).all()
        assert rows[["x0", "y0", "x1", "y1"]].to_numpy().tolist() == boxes.tolist()
        parent = composites.table.loc[image_id]
        for column in composites.table.columns:
            assert (rows[column] == parent[column]).all(), column
    assert cut.classes == composites.classes


def test_pixels_and_masks_are_the_parents(composites, cut):
    for panel_id in cut.ids[:25]:
        row = cut.table.loc[panel_id]
        window = np.s_[row["y0"] : row["y1"], row["x0"] : row["x1"]]
        assert np.array_equal(cut.image(panel_id), composites.image(row["parent"])[window])
        assert np.array_equal(cut.mask(panel_id), composites.mask(row["parent"])[window])


def test_encoded_is_a_jpeg_of_the_panel(composites, cut):
    part = cut.table.index[cut.table["panels_found"] == 3][0]
    content = cut.source.encoded(part)
    assert content[:2] == b"\xff\xd8"
    assert content == cut.source.encoded(part)
    difference = np.abs(decompress(content).astype(int) - cut.image(part))
    assert 0 < difference.mean() < 4  # compressed once more, at quality 95
    whole = panels.split_composites(composites, panels.whole_box)
    first = composites.ids[0]
    assert whole.source.encoded(f"{first}-1") == composites.source.encoded(first)


def test_fingerprint_tells_boxes_apart(composites, truth, cut):
    assert panels.split_composites(composites, truth).fingerprint == cut.fingerprint
    moved = dict(truth)
    first = composites.ids[0]
    moved[first] = truth[first].copy()
    moved[first][0, 2] -= 1
    other = panels.split_composites(composites, moved)
    assert other.fingerprint != cut.fingerprint
    changed = [i for i in cut.ids if cut.source.signature(i) != other.source.signature(i)]
    assert changed == [f"{first}-1"]
    signatures = {cut.source.signature(i) for i in cut.ids}
    assert len(signatures) == len(cut)


def test_a_detector_is_asked_once_a_picture(composites):
    asked = []

    def detect(image):
        asked.append(image.shape)
        return panels.halves(image)

    both = panels.split_composites(composites.where(ids=composites.ids[:7]), detect)
    assert len(both) == 14
    assert len(asked) == 7


def test_panels_go_through_the_cache(cut):
    some = cut.where(ids=cut.ids[:9])
    images = cached_images(some, height=24, width=32, progress=False)
    assert images.images.shape == (9, 24, 32, 3)
    x = cut.image(cut.ids[3])
    expected = cv2.resize(x, (32, 24), interpolation=cv2.INTER_AREA)
    assert np.array_equal(images.take([cut.ids[3]])[0], expected)


def test_a_grouped_split_keeps_siblings_together(cut):
    split = grouped_split(cut, seed=1)
    assert (audit(split, cut)["shared_lesions"] == 0).all()
    parents = cut.table["parent"]
    parts = [set(parents.loc[list(ids)]) for ids in split.parts.values()]
    assert not (parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2])


# --- files ---------------------------------------------------------------------------------------


def test_written_panels_are_read_again(cut, tmp_path):
    some = cut.where(ids=cut.ids[:6])
    folder = panels.write_panels(some, tmp_path / "out")
    table = pd.read_csv(folder / "panels.csv", index_col="image_id")
    assert table.index.tolist() == list(some.ids)
    assert table[["parent", "panel", "x0", "y1"]].equals(
        some.table[["parent", "panel", "x0", "y1"]].astype({"parent": table["parent"].dtype})
    )
    files = sorted((folder / "images").iterdir())
    assert [f.name for f in files] == sorted(f"{i}.jpg" for i in some.ids)
    assert files[0].read_bytes() == some.source.encoded(files[0].stem)
    # a killed run leaves some files; another goes on, mends what is damaged, keeps what is right
    files[0].write_bytes(b"half")
    kept = files[1].stat().st_mtime_ns
    panels.write_panels(some, folder)
    assert files[0].read_bytes() == some.source.encoded(files[0].stem)
    assert files[1].stat().st_mtime_ns == kept


def test_real_pictures_are_not_written_out(composites, cut, tmp_path):
    real = Collection(
        name="real", table=cut.table, classes=cut.classes, source=cut.source, phantom=False
    )
    with pytest.raises(DataError, match="patients"):
        panels.write_panels(real, tmp_path)
    with pytest.raises(DataError, match="no panels"):
        panels.write_panels(composites, tmp_path)
    assert not list(tmp_path.iterdir())


# --- refusals ------------------------------------------------------------------------------------


def test_splitting_twice_is_refused(cut):
    with pytest.raises(DataError, match="parent"):
        panels.split_composites(cut, panels.whole_box)


@pytest.mark.parametrize(
    "boxes",
    [
        np.empty((0, 4), int),
        np.array([[0.0, 0, 5, 5]]),
        np.array([[0, 0, 5]]),
        np.array([[5, 0, 5, 5]]),
        np.array([[-1, 0, 5, 5]]),
    ],
)
def test_bad_boxes_name_the_picture(composites, truth, boxes):
    first = composites.ids[0]
    with pytest.raises(DataError, match=first):
        panels.split_composites(composites, {**truth, first: boxes})


def test_missing_and_outlying_boxes(composites, truth):
    some = {k: v for k, v in truth.items() if k != composites.ids[4]}
    with pytest.raises(DataError, match=composites.ids[4]):
        panels.split_composites(composites, some)
    first = composites.ids[0]
    outside = {**truth, first: np.array([[0, 0, 999, 5]])}
    with pytest.raises(DataError, match="not inside"):
        panels.split_composites(composites, outside).image(f"{first}-1")
    with pytest.raises(DataError, match="PXI_x"):
        panels.split_composites(composites, truth).source.image("PXI_x")
