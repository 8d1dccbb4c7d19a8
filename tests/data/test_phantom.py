"""The phantom collection: its table, its pictures and their truth."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermbook.data.phantom import STRUCTURES, TRAITS, Rendering, latents, phantom
from dermbook.data.phantom.artefacts import decompress
from dermbook.data.phantom.metadata import CONFUSED_WITH, HAM10000_COUNTS, class_sizes
from dermbook.errors import DataError, ParameterError

CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")


@pytest.fixture(scope="module")
def collection():
    return phantom(350, seed=5, exact_duplicates=4, near_duplicates=5, label_noise=0.1)


@pytest.fixture(scope="module")
def plain():
    return phantom(150, seed=3, balance="equal")


# --- the table -----------------------------------------------------------------------------------


def test_table_has_ham10000_columns_and_the_truth(collection):
    table = collection.table
    assert collection.classes == CLASSES
    assert collection.phantom
    assert len(collection) == 350
    assert table.index.name == "image_id"
    assert table.index.is_unique
    for column in ("label", "group", "dx_type", "sex", "localization", "true_label"):
        assert isinstance(table[column].dtype, pd.StringDtype)
        assert table[column].notna().all()
    assert table["age"].dtype == np.float64
    assert (table["age"].dropna() % 5 == 0).all()
    assert table["age"].dropna().between(0, 85).all()
    assert table["label_is_corrupted"].dtype == bool
    assert set(table["fitzpatrick_type"]) == {1, 2, 3, 4, 5, 6}
    assert table["hair"].between(0, 1).all()
    assert set(table["sex"]) <= {"female", "male", "unknown"}
    assert set(table["dx_type"]) <= {"histo", "follow_up", "consensus", "confocal"}


def test_class_sizes_are_ham10000s_at_its_own_size():
    assert tuple(class_sizes(10015, "ham10000").values()) == HAM10000_COUNTS


@pytest.mark.parametrize("balance", ["ham10000", "equal"])
@pytest.mark.parametrize("images", [21, 22, 60, 141, 700])
def test_every_class_can_be_split_into_three_parts_by_lesion(images, balance):
    table = phantom(images, balance=balance, height=32, width=32).table
    assert len(table) == images
    lesions = table.groupby("label")["group"].nunique()
    assert set(lesions.index) == set(CLASSES)
    assert lesions.min() >= 3
    if images >= 600:
        assert lesions.min() >= 8


def test_images_a_lesion_and_metadata_resemble_ham10000():
    table = phantom(6000, seed=1, height=32, width=32).table
    # HAM10000: 10,015 images of 7,470 lesions
    assert 6000 / table["group"].nunique() == pytest.approx(10015 / 7470, rel=0.04)
    assert table.groupby("label")["age"].mean()["nv"] == pytest.approx(46.5, abs=2)
    assert table.groupby("label")["age"].mean()["bcc"] == pytest.approx(66.8, abs=3)
    legs = table[table["label"] == "df"]["localization"].eq("lower extremity").mean()
    assert legs > 0.5
    assert set(table[table["label"] == "mel"]["dx_type"]) == {"histo"}


def test_photographs_of_one_lesion_share_label_and_patient(collection):
    table = collection.table
    shared = ["label", "true_label", "sex", "localization", "dx_type", "fitzpatrick_type"]
    assert (table.groupby("group")[shared].nunique() == 1).all().all()
    assert (table.groupby("group").size() > 1).any()
    attributes = latents(collection).groupby(table["group"]).nunique()
    assert (attributes == 1).all().all()


@pytest.mark.parametrize("rate", [0.0, 0.013, 0.25, 0.97, 1.0])
def test_label_errors_are_counted_exactly_and_are_real(rate):
    table = phantom(301, label_noise=rate, height=32, width=32).table
    wrong = table["label_is_corrupted"]
    assert wrong.sum() == round(rate * 301)
    assert (table["label"] != table["true_label"]).equals(wrong)
    for true, label in zip(table["true_label"][wrong], table["label"][wrong], strict=True):
        assert label in CONFUSED_WITH[true]


def test_missing_ages_are_counted_exactly():
    assert phantom(500, height=32, width=32).table["age"].isna().sum() == 3
    assert phantom(500, missing_ages=0.5, height=32, width=32).table["age"].isna().sum() == 250
    assert phantom(50, missing_ages=0, height=32, width=32).table["age"].notna().all()


# --- determinism ---------------------------------------------------------------------------------


def test_same_seed_same_bytes_and_another_seed_differs(plain):
    again, other = phantom(150, seed=3, balance="equal"), phantom(150, seed=4, balance="equal")
    pd.testing.assert_frame_equal(plain.table, again.table)
    ids = plain.ids[:4]
    for image_id in ids:
        assert plain.source.encoded(image_id) == again.source.encoded(image_id)
        assert plain.source.encoded(image_id) != other.source.encoded(image_id)
    assert plain.fingerprint == again.fingerprint != other.fingerprint


def test_pictures_do_not_depend_on_order_or_threads(plain):
    ids = plain.ids[10:22]
    straight = [plain.source.encoded(image_id) for image_id in ids]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(plain.source.encoded, reversed(ids)))
    assert straight == threaded[::-1]


def test_a_lesion_looks_the_same_in_a_larger_collection():
    def shots(collection):
        sources = [collection.source.shot(image_id) for image_id in collection.ids]
        return {(s.diagnosis, s.number, s.view): s for s in sources}

    small, large = (shots(phantom(n, height=32, width=32)) for n in (100, 400))
    common = small.keys() & large.keys()
    assert len(common) > 80
    assert all(small[key] == large[key] for key in common)


def test_another_process_renders_the_same_bytes(plain):
    code = (
        "import hashlib; from dermbook.data.phantom import phantom;"
        "c = phantom(150, seed=3, balance='equal');"
        "print(hashlib.sha256(c.source.encoded(c.ids[7])).hexdigest(), c.fingerprint)"
    )
    import hashlib

    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    here = hashlib.sha256(plain.source.encoded(plain.ids[7])).hexdigest()
    assert answer.stdout.split() == [here, plain.fingerprint]


# --- pictures ------------------------------------------------------------------------------------


def test_image_is_the_decoded_file(plain):
    image_id = plain.ids[0]
    image = plain.image(image_id)
    assert image.shape == (96, 128, 3)
    assert image.dtype == np.uint8
    encoded = plain.source.encoded(image_id)
    assert encoded[:3] == b"\xff\xd8\xff"
    assert np.array_equal(image, decompress(encoded))
    # red-green-blue order: skin is redder than blue
    assert image[..., 0].mean() > image[..., 2].mean()


def test_jpeg_stays_close_to_the_render(plain):
    rendering = plain.source.rendering(plain.ids[1])
    error = np.abs(rendering.picture.astype(float) - decompress(rendering.encoded))
    assert 0 < error.mean() < 6


def test_mask_is_where_the_lesion_covers_half_a_pixel(plain):
    for image_id in plain.ids[:20]:
        rendering = plain.source.rendering(image_id)
        mask = plain.mask(image_id)
        assert mask.dtype == bool
        assert mask.shape == (96, 128)
        assert np.array_equal(mask, rendering.body.alpha >= 0.5)
        assert 0.005 < mask.mean() < 0.9


def test_lesion_stands_out_from_the_skin_where_the_mask_says(plain):
    contrasts = []
    for image_id in plain.ids[:60]:
        rendering = plain.source.rendering(image_id)
        alpha, light = rendering.body.alpha, rendering.light
        skin = np.median(light[alpha == 0], axis=0) if (alpha == 0).any() else None
        if skin is None:
            continue
        away = np.abs(light - skin).mean(axis=2)
        contrasts.append((away[rendering.mask].mean(), away[alpha == 0].mean()))
    inside, outside = np.array(contrasts).T
    assert (inside > outside).mean() > 0.95
    assert np.median(inside) > 3 * np.median(outside)


def test_picture_scales_with_its_size(plain):
    for image_id in plain.ids[:6]:
        shot = replace(plain.source.shot(image_id), hair=0.0)
        small, large = Rendering(shot), Rendering(replace(shot, height=192, width=256))
        shrunk = large.mask.reshape(96, 2, 128, 2).mean((1, 3)) >= 0.5
        both, either = (shrunk & small.mask).sum(), (shrunk | small.mask).sum()
        assert both / either > 0.93
        halved = large.light.reshape(96, 2, 128, 2, 3).mean((1, 3))
        assert np.abs(halved - small.light).mean() < 5


def test_hair_free_twin_differs_in_hair_pixels_only(collection):
    hairy = collection.table.index[collection.table["hair"] > 0.3][:8]
    assert len(hairy) == 8
    changed = []
    for image_id in hairy:
        rendering = collection.source.rendering(image_id)
        hair = collection.source.hair_mask(image_id)
        assert np.array_equal(rendering.picture[~hair], rendering.hair_free[~hair])
        difference = np.abs(rendering.picture.astype(int) - rendering.hair_free)
        assert difference[hair].max() > 30
        changed.append(hair.mean())
        twin = collection.source.hair_free(image_id)
        assert np.array_equal(twin, decompress(rendering.hair_free_encoded))
    assert 0.005 < np.mean(changed) < 0.6


def test_without_hair_the_twin_is_the_picture(collection):
    image_id = collection.table.index[collection.table["hair"] == 0][0]
    assert not collection.source.hair_mask(image_id).any()
    assert np.array_equal(collection.source.hair_free(image_id), collection.image(image_id))


def test_two_photographs_of_a_lesion_differ_but_show_the_same_lesion(collection):
    groups = collection.table.groupby("group").groups
    first, second = next(list(ids)[:2] for ids in groups.values() if len(ids) > 1)
    shots = [collection.source.shot(image_id) for image_id in (first, second)]
    assert shots[0].lesion == shots[1].lesion
    assert shots[0].camera != shots[1].camera
    assert collection.source.encoded(first) != collection.source.encoded(second)
    assert collection.source.signature(first) != collection.source.signature(second)


# --- duplicates ----------------------------------------------------------------------------------


def test_exact_duplicates_are_byte_identical_under_another_lesion(collection):
    table, source = collection.table, collection.source
    copies = table["duplicate_of"].dropna()
    assert len(copies) == 4
    for copy, original in copies.items():
        assert source.encoded(copy) == source.encoded(original)
        assert source.signature(copy) == source.signature(original)
        assert table.loc[copy, "group"] != table.loc[original, "group"]
        assert table.loc[copy, "true_label"] == table.loc[original, "true_label"]
    signatures = [source.signature(image_id) for image_id in collection.ids]
    assert len(set(signatures)) == len(collection) - 4


def test_near_duplicates_differ_slightly(collection):
    table, source = collection.table, collection.source
    copies = table["near_duplicate_of"].dropna()
    assert len(copies) == 5
    for copy, original in copies.items():
        assert source.signature(copy) != source.signature(original)
        assert table.loc[copy, "group"] != table.loc[original, "group"]
        one, two = collection.image(copy).astype(float), collection.image(original).astype(float)
        assert not np.array_equal(one, two)
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.8
        mask, other = collection.mask(copy), collection.mask(original)
        assert (mask & other).sum() / (mask | other).sum() > 0.85


# --- latents and refusals ------------------------------------------------------------------------


def test_latents_name_every_structure_and_trait(plain):
    table = latents(plain)
    assert list(table.index) == list(plain.ids)
    assert list(table.columns) == [*STRUCTURES, *TRAITS]
    for name, levels in STRUCTURES.items():
        assert set(table[name]) <= {"none", *levels}
    scar = table["scar"].eq("present").groupby(plain.table["label"]).mean()
    assert scar.idxmax() == "df"
    some = plain.where(ids=plain.ids[3:5])
    pd.testing.assert_frame_equal(latents(some), table.iloc[3:5])


def test_frequencies_of_structures_follow_the_table():
    collection = phantom(3500, seed=8, balance="equal", height=32, width=32)
    first = ~collection.table["group"].duplicated()
    table = latents(collection)[first]
    label = collection.table["label"][first]
    for name, levels in STRUCTURES.items():
        for level, expected in levels.items():
            seen = table[name].eq(level).groupby(label).mean()[list(CLASSES)]
            count = label.value_counts()[list(CLASSES)]
            share = pd.Series(expected, index=list(CLASSES))
            spread = np.sqrt(share * (1 - share) / count)
            assert (np.abs(seen - share) < 4.5 * spread).all(), name


def test_unknown_image_is_named():
    with pytest.raises(DataError, match="PHI_9"):
        phantom(21).source.image("PHI_9")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", 20),
        ("images", 100.5),
        ("images", True),
        ("height", 8),
        ("width", 5000),
        ("seed", -1),
        ("label_noise", 1.5),
        ("label_noise", "much"),
        ("missing_ages", -0.1),
        ("exact_duplicates", -1),
        ("near_duplicates", 80),
        ("balance", "even"),
    ],
)
def test_parameter_out_of_range_is_named(name, value):
    with pytest.raises(ParameterError, match=name):
        phantom(**{"images": 100, name: value})
