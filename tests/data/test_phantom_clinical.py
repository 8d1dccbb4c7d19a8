"""The clinical phantom: its table, its pictures, their truth, and its published form."""

import hashlib
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dermbook.data.phantom import (
    CLINICAL_VERSION,
    ClinicalRendering,
    clinical_latents,
    clinical_oracle,
    phantom,
    phantom_clinical,
    taxonomy,
    write_phantom_clinical,
)
from dermbook.data.phantom import clinical_evidence as evidence
from dermbook.data.phantom import clinical_metadata as metadata
from dermbook.data.phantom.artefacts import decompress
from dermbook.data.phantom.clinical_taxonomy import (
    BY_NAME,
    LABEL_IMAGES,
    PARTITIONS,
    label_sizes,
)
from dermbook.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def collection():
    return phantom_clinical(
        600, height=48, width=64, seed=5, wrongly_labelled=0.1, null_urls=0.02,
        exact_duplicates=4, near_duplicates=5, rotated_copies=18,
    )  # fmt: skip


@pytest.fixture(scope="module")
def large():
    """A table of many rows; nobody looks at its pictures."""
    return phantom_clinical(6000, height=32, width=32, seed=1, classes=114).table


# --- the old phantom is the old phantom ----------------------------------------------------------


def test_the_dermoscopic_phantom_is_unchanged():
    # computed before the clinical phantom existed; a change here needs a new VERSION
    found = phantom(150, seed=3, balance="equal")
    assert found.fingerprint == "5acc5e353e09bf79f169a4581ba0c27815e1ad3c4e51727399a3bcc6efc71876"
    means = [found.image(image_id).mean((0, 1)) for image_id in found.ids[:3]]
    expected = [[200.19, 161.88, 159.69], [181.16, 129.39, 133.98], [226.51, 176.05, 171.7]]
    assert np.allclose(means, expected, atol=0.05)


# --- the constants are those of the published table ----------------------------------------------


def test_constants_are_counted_from_the_published_table(shared_data):
    path = shared_data / "fitzpatrick17k.csv"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    real = pd.read_csv(path)
    for nine, rows in real.groupby("nine_partition_label"):
        assert tuple(rows["label"].value_counts()) == LABEL_IMAGES[nine]
        atlas = rows["url"].dropna().str.contains("atlasdermatologico").mean()
        assert metadata.ATLAS[nine] == pytest.approx(atlas, abs=0.0006)
        assert {label.three for label in taxonomy() if label.nine == nine} == set(
            rows["three_partition_label"]
        )
    scale = real["fitzpatrick_scale"].value_counts()
    assert tuple(scale[k] for k in range(1, 7)) == metadata.SCALE_ROWS
    assert scale[-1] / len(real) == metadata.SCALE_MISSING
    centaur = real["fitzpatrick_centaur"]
    assert (centaur == -1).mean() == metadata.CENTAUR_MISSING
    table = pd.crosstab(real["fitzpatrick_scale"], centaur).loc[1:6, 1:6]
    assert tuple(map(tuple, table.to_numpy())) == metadata.CENTAUR_ROWS
    assert real["qc"].value_counts().to_dict() == metadata.QC_ROWS
    assert real["url"].isna().mean() == metadata.NULL_URL_SHARE


def test_class_sizes_are_the_real_ones_at_the_real_size():
    labels = taxonomy(114)
    assert list(label_sizes(16577, labels).values()) == [
        n for k in LABEL_IMAGES.values() for n in k
    ]


@pytest.mark.parametrize("classes", [9, 10, 24, 60, 113, 114])
def test_every_partition_is_there_whatever_the_number_of_labels(classes):
    labels = taxonomy(classes)
    assert len({label.name for label in labels}) == classes
    assert {label.nine for label in labels} == set(PARTITIONS)
    assert all(label in taxonomy(114) for label in labels)
    assert max(label.images for label in labels) == 653


# --- the table -----------------------------------------------------------------------------------


def test_columns(collection):
    table = collection.table
    assert collection.name == "phantom-clinical"
    assert collection.phantom
    assert len(table) == 600
    assert len(collection.classes) == 24
    for column in ("label", "nine_partition_label", "three_partition_label", "site", "true_label"):
        assert isinstance(table[column].dtype, pd.StringDtype)
        assert table[column].notna().all()
    assert set(table["nine_partition_label"]) == set(PARTITIONS)
    assert set(table["three_partition_label"]) == {"non-neoplastic", "malignant", "benign"}
    assert table["fitzpatrick_type"].isin(range(1, 7)).all()
    assert (table["width"] == 64).all()
    assert (table["height"] == 48).all()


def test_partitions_belong_to_the_given_label_as_in_the_published_table(collection):
    table = collection.table
    for column in ("nine_partition_label", "three_partition_label"):
        assert (table.groupby("label")[column].nunique() == 1).all()
    moved = table["nine_partition_label"] != [BY_NAME[n].nine for n in table["true_label"]]
    assert moved.any()
    assert not (moved & ~table["label_is_corrupted"]).any()


@pytest.mark.parametrize(("images", "classes"), [(72, 24), (342, 114), (700, 24), (27, 9)])
def test_every_class_can_be_split_by_lesion_and_the_tail_is_long(images, classes):
    table = phantom_clinical(images, classes=classes, height=32, width=32, wrongly_labelled=0).table
    assert len(table) == images
    lesions = table.groupby("label")["group"].nunique()
    assert len(lesions) == classes
    assert lesions.min() >= 3
    if images == 700:
        sizes = table["label"].value_counts()
        assert sizes.max() / sizes.min() > 8  # real: 653 / 53 = 12.3


def test_wrong_labels_are_counted_exactly_and_mostly_stay_in_the_partition():
    table = phantom_clinical(1000, wrongly_labelled=0.3, height=32, width=32, seed=2).table
    wrong = table["label_is_corrupted"]
    assert wrong.sum() == 300
    assert (table["label"] != table["true_label"]).equals(wrong)
    home = [BY_NAME[name].nine for name in table["true_label"]]
    common = np.array([nine == "inflammatory" for nine in home])
    same = (table["nine_partition_label"] == home)[wrong & common].mean()
    assert 0.5 < same < 0.85
    assert not phantom_clinical(72, wrongly_labelled=0).table["label_is_corrupted"].any()
    assert phantom_clinical(72, wrongly_labelled=1).table["label_is_corrupted"].all()


def test_reviewers_find_few_of_the_wrong_labels_and_name_no_right_one(collection, large):
    for table in (collection.table, large):
        marked = table["qc"].eq("3 Wrongly labelled")
        assert marked.sum() >= 1
        assert table.loc[marked, "label_is_corrupted"].all()
        assert (table["label_is_corrupted"] & ~marked).sum() > 10 * marked.sum()
        assert table["qc"].notna().mean() == pytest.approx(504 / 16577, abs=0.003)
    shares = large["qc"].value_counts()
    assert shares["1 Diagnostic"] > shares["5 Potentially"] > shares["2 Characteristic"]


def test_addresses(collection):
    table = collection.table
    assert table["url"].isna().sum() == 12
    assert table["url"].dropna().is_unique
    assert table["url"].dropna().str.contains(r"\.phantom\.invalid/").all()
    known = table["url"].notna()
    plain = table["url"][known].str.replace(r"[^A-Za-z0-9]", "", regex=True) + ".jpg"
    assert plain.equals(table["url_alphanum"][known].rename("url"))
    for site, rows in table[known].groupby("site"):
        assert rows["url"].str.contains(f"//{site}.").all()


def test_skin_types_and_annotators_resemble_the_published_table(large):
    scale = large["fitzpatrick_scale"]
    assert scale.isna().mean() == pytest.approx(565 / 16577, abs=0.01)
    shares = scale.value_counts(normalize=True).sort_index().to_numpy(float)
    real = np.array([2947, 4808, 3308, 2781, 1533, 635]) / 16012
    assert np.abs(shares - real).max() < 0.03
    assert (scale == large["fitzpatrick_type"])[scale.notna()].mean() == pytest.approx(
        0.78, abs=0.02
    )
    both = large.dropna(subset=["fitzpatrick_scale", "fitzpatrick_centaur"])
    difference = both["fitzpatrick_centaur"] - both["fitzpatrick_scale"]
    assert difference.abs().max() <= 5
    assert difference.mean() < -0.2  # the second annotator leans towards light skin
    assert 0.35 < (difference == 0).mean() < 0.65  # the real pair: 0.49


def test_partition_tells_much_about_the_label_and_skin_type_little(large):
    """M14: the majority rule from the partitions against that from the skin type."""

    def majority(columns):
        return large.groupby(columns)["true_label"].transform(lambda s: s.eq(s.mode()[0])).mean()

    alone = large["true_label"].value_counts(normalize=True).max()
    skin, partition = majority(["fitzpatrick_type"]), majority(["nine_partition_label"])
    assert alone <= skin < alone + 0.02
    assert partition > 2 * skin
    # and yet skin type and partition are not independent: chi-squared per degree of freedom
    counts = pd.crosstab(large["nine_partition_label"], large["fitzpatrick_type"]).to_numpy(float)
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    assert ((counts - expected) ** 2 / expected).sum() / 40 > 3


def test_sites_differ_in_class_mix_and_skin(large):
    counts = pd.crosstab(large["label"], large["site"]).to_numpy(float)
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    assert ((counts - expected) ** 2 / expected).sum() / 113 > 3
    assert large["site"].eq("atlas").mean() == pytest.approx(3905 / 16536, abs=0.06)
    means = large.groupby("site")["fitzpatrick_type"].mean()
    assert means["atlas"] > means["archive"] + 0.25


def test_photographs_of_one_lesion_share_its_truth():
    found = phantom_clinical(600, height=32, width=32, seed=4)
    table = found.table
    several = table.groupby("group").size()
    assert 0.05 < (several > 1).mean() < 0.20
    shared = ["true_label", "fitzpatrick_type", "site"]
    assert (table.groupby("group")[shared].nunique() == 1).all().all()
    latents = clinical_latents(found)
    assert (latents.groupby(table["group"]).nunique() == 1).all().all()


# --- determinism ---------------------------------------------------------------------------------


def test_same_seed_same_bytes_and_another_seed_differs():
    make = {"images": 100, "height": 48, "width": 64}
    one, same, other = (phantom_clinical(seed=seed, **make) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(one.table, same.table)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    ids = one.ids[:8]
    straight = [one.source.encoded(image_id) for image_id in ids]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(same.source.encoded, reversed(ids)))
    assert straight == threaded[::-1]
    assert all(other.source.encoded(i) != b for i, b in zip(ids, straight, strict=True))


def test_a_lesion_looks_the_same_in_another_collection():
    def shots(**how):
        found = phantom_clinical(height=32, width=32, **how)
        listed = [found.source.shot(image_id) for image_id in found.ids]
        return {(s.label, s.number, s.view): s for s in listed}

    small = shots(images=100, classes=24)
    for bigger in (shots(images=500, classes=24), shots(images=900, classes=114)):
        common = small.keys() & bigger.keys()
        assert len(common) > 40
        assert all(small[key] == bigger[key] for key in common)


def test_another_process_renders_the_same_bytes():
    code = (
        "import hashlib; from dermbook.data.phantom import phantom_clinical;"
        "c = phantom_clinical(80, height=40, width=48, rotated_copies=3);"
        "print(hashlib.sha256(c.source.encoded(c.ids[-1])).hexdigest(), c.fingerprint)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    here = phantom_clinical(80, height=40, width=48, rotated_copies=3)
    digest = hashlib.sha256(here.source.encoded(here.ids[-1])).hexdigest()
    assert answer.stdout.split() == [digest, here.fingerprint]


# --- pictures ------------------------------------------------------------------------------------


def test_image_is_the_decoded_file(collection):
    for image_id in collection.ids[:6]:
        image = collection.image(image_id)
        assert image.shape == (48, 64, 3)
        assert image.dtype == np.uint8
        assert np.array_equal(image, decompress(collection.source.encoded(image_id)))
        error = np.abs(collection.source.rendering(image_id).picture.astype(float) - image)
        assert 0 < error.mean() < 8


def test_mixed_sizes_are_the_tables():
    found = phantom_clinical(400, height=60, width=80, sizes="mixed")
    table = found.table
    for image_id in found.ids[:12]:
        width, height = table.loc[image_id, ["width", "height"]]
        assert found.image(image_id).shape == (height, width, 3)
        assert found.mask(image_id).shape == (height, width)
    assert table[["width", "height"]].drop_duplicates().shape[0] > 200
    assert 0.1 < (table["width"] < table["height"]).mean() < 0.35
    assert np.median(table["width"] * table["height"]) == pytest.approx(60 * 80, rel=0.15)
    assert table[["width", "height"]].min().min() >= 32
    # the other columns are those of the collection of one size
    same = phantom_clinical(400, height=60, width=80).table
    rest = [name for name in table if name not in ("width", "height")]
    pd.testing.assert_frame_equal(table[rest], same[rest])


def test_lesion_stands_out_where_the_mask_says(collection):
    inside, outside = [], []
    for image_id in collection.ids[:80]:
        rendering = collection.source.rendering(image_id)
        sound = (rendering.spots.inside < -0.08) & (rendering.scene.skin == 1)
        mask = (rendering.spots.alpha >= 0.5) & (rendering.scene.skin == 1)
        if sound.sum() < 100 or mask.sum() < 10:
            continue
        away = np.abs(rendering.light - np.median(rendering.light[sound], axis=0)).mean(2)
        inside.append(away[mask].mean())
        outside.append(away[sound].mean())
    assert len(inside) > 40
    assert (np.array(inside) > np.array(outside)).mean() > 0.85
    assert np.median(inside) > 2 * np.median(outside)


def test_masks_mark_lesions_and_no_captions(collection):
    shares = []
    for image_id in collection.ids[:80]:
        rendering = collection.source.rendering(image_id)
        assert rendering.mask.dtype == bool
        assert not (rendering.mask & rendering.marks).any()
        shares.append(rendering.mask.mean())
    assert 0.01 < np.median(shares) < 0.3
    assert np.mean(np.array(shares) > 0) > 0.9


def test_each_skin_type_is_darker_than_the_one_before():
    shot = phantom_clinical(72, height=48, width=64).source.shot("PCI_0000000")
    lights = []
    for skin in range(1, 7):
        rendering = ClinicalRendering(replace(shot, fitzpatrick_type=skin))
        sound = (rendering.spots.inside < -0.05) & (rendering.scene.skin == 1)
        lights.append(rendering.light[sound].mean())
    assert lights == sorted(lights, reverse=True)


def test_sites_have_house_styles(collection):
    table = collection.table
    styles, casts = {}, {}
    for site, rows in table.groupby("site"):
        renderings = [collection.source.rendering(image_id) for image_id in rows.index[:60]]
        styles[site] = {rendering.camera.style for rendering in renderings}
        casts[site] = np.mean([rendering.camera.cast for rendering in renderings], axis=0)
    assert styles["archive"] == {"none", "watermark", "frame"}
    assert styles["atlas"] == {"none", "strip", "frame"}
    # the atlas is yellower: less blue against red
    assert casts["atlas"][2] - casts["atlas"][0] < casts["archive"][2] - casts["archive"][0] - 0.05
    image_id = next(
        i for i in table.index[table["site"] == "atlas"]
        if collection.source.rendering(i).camera.style == "strip"
        and table["near_duplicate_of"].isna()[i]
    )  # fmt: skip
    rendering = collection.source.rendering(image_id)
    strip = rendering.picture[-1]
    assert (strip == rendering.camera.tone).mean() > 0.6
    assert rendering.marks[-1].all()
    assert not ClinicalRendering(rendering.shot, captions=False).marks.any()


# --- copies --------------------------------------------------------------------------------------


def test_exact_duplicates(collection):
    table, source = collection.table, collection.source
    copies = table["duplicate_of"].dropna()
    assert len(copies) == 4
    for copy, original in copies.items():
        assert source.encoded(copy) == source.encoded(original)
        assert source.signature(copy) == source.signature(original)
        assert table.loc[copy, "group"] != table.loc[original, "group"]
        assert table.loc[copy, "true_label"] == table.loc[original, "true_label"]
    signatures = [source.signature(image_id) for image_id in collection.ids]
    assert len(set(signatures)) == 596


def test_transformed_copies_can_be_undone(collection):
    table, source = collection.table, collection.source
    copies = table[table["near_duplicate_of"].notna()]
    assert len(copies) == 23
    assert copies["copy_transform"].notna().all()
    assert table["copy_transform"].notna().sum() == 23
    undo = {"rotated 180": lambda p: p[::-1, ::-1], "mirrored": lambda p: p[:, ::-1]}
    seen = set()
    for copy, row in copies.iterrows():
        name = row["copy_transform"]
        assert source.signature(copy) != source.signature(row["near_duplicate_of"])
        assert row["group"] != table.loc[row["near_duplicate_of"], "group"]
        assert source.image(copy).shape == source.image(row["near_duplicate_of"]).shape
        original = source.rendering(row["near_duplicate_of"])
        if name in undo:
            seen.add(name)
            turned = undo[name](source.rendering(copy).picture)
            assert np.array_equal(turned, original.picture)
            assert np.array_equal(undo[name](source.mask(copy)), original.mask)
    assert seen == set(undo)
    slight = copies.index[:5]
    for copy in slight:
        one = source.image(copy).astype(float).ravel()
        two = source.image(copies.loc[copy, "near_duplicate_of"]).astype(float).ravel()
        assert np.corrcoef(one, two)[0, 1] > 0.9


def test_a_quarter_turn_shows_the_turned_picture(collection):
    copies = collection.table["copy_transform"].dropna()
    turned = copies.index[copies.str.match("rotated (90|270)")]
    assert len(turned) > 0
    for copy in turned:
        original = collection.source.rendering(collection.table["near_duplicate_of"][copy]).picture
        quarter = np.rot90(original, 1 if copies[copy].startswith("rotated 90") else 3)
        # 48 x 64, turned to 64 x 48, fills 48 x 64 when magnified by 4/3: its middle is cut out
        filled = cv2.resize(np.ascontiguousarray(quarter), (64, 85))[18:66].astype(float)
        picture = collection.source.rendering(copy).picture.astype(float)
        assert np.corrcoef(filled.ravel(), picture.ravel())[0, 1] > 0.95


# --- evidence ------------------------------------------------------------------------------------


def test_every_column_of_the_evidence_is_a_distribution():
    for name, levels in evidence.STRUCTURES.items():
        total = np.sum(list(levels.values()), axis=0)
        assert total.shape == (9,), name
        assert (total < 1).all(), name
    for label in taxonomy(114):
        for shares in evidence.appearance(label).levels.values():
            assert sum(shares.values()) == pytest.approx(1)
            assert min(shares.values()) > 0


def drawn(labels, each, seed=0):
    rng = np.random.default_rng(seed)
    lesions = [evidence.draw_clinical_lesion(rng, label) for label in labels for _ in range(each)]
    table = pd.DataFrame([{**lesion.structures, **lesion.traits} for lesion in lesions])
    return table, np.repeat(np.arange(len(labels)), each)


def test_oracle_is_calibrated_and_labels_of_a_partition_are_confused_most():
    labels = taxonomy(60)
    table, truth = drawn(labels, 60)
    posterior = clinical_oracle(table, [label.name for label in labels])
    found = posterior.argmax(1)
    right = found == truth
    # a Bayes-optimal posterior means what it says
    assert posterior.max(1).mean() == pytest.approx(right.mean(), abs=0.02)
    home = np.array([PARTITIONS.index(label.nine) for label in labels])
    within = home[found[~right]] == home[truth[~right]]
    sizes = np.bincount(home)[home[truth[~right]]]
    chance = ((sizes - 1) / (len(labels) - 1)).mean()
    assert within.mean() > chance + 0.25
    sums = np.stack([posterior[:, home == k].sum(1) for k in range(9)], 1)
    partitions = balanced_accuracy_score(home[truth], sums.argmax(1))
    assert right.mean() + 0.15 < partitions < 0.97


def test_oracle_is_bayes_rule_by_hand():
    labels = taxonomy(9)
    table, _ = drawn(labels, 1, seed=3)
    prior = np.arange(1, 10) / 45
    row = table.iloc[4]
    densities = []
    for label in labels:
        looks = evidence.appearance(label)
        density = 1.0
        for name, shares in looks.levels.items():
            density *= shares[row[name]]
        for name, mean in looks.means.items():
            spread = looks.deviations[name]
            density *= np.exp(-(((row[name] - mean) / spread) ** 2) / 2) / spread
        densities.append(density)
    expected = prior * densities / np.sum(prior * densities)
    answer = clinical_oracle(table, [label.name for label in labels], prior)[4]
    assert answer == pytest.approx(expected)


def test_mean_colour_then_texture_then_oracle():
    how = {"height": 48, "width": 64, "classes": 9, "wrongly_labelled": 0}
    train, test = phantom_clinical(700, seed=11, **how), phantom_clinical(350, seed=12, **how)
    seen, unseen = (np.stack([c.image(i) for i in c.ids]) for c in (train, test))

    def score(features, strength):
        model = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced")
        fitted = make_pipeline(StandardScaler(), model).fit(features(seen), train.codes())
        return balanced_accuracy_score(test.codes(), fitted.predict(features(unseen)))

    def statistics(images):
        middle = images[:, 8:-8, 12:-12].astype(float).reshape(len(images), -1, 3)
        levels = np.percentile(middle, [2, 10, 50, 90, 98], axis=1).transpose(1, 0, 2)
        redness = middle[..., 0] - middle[..., 1:].mean(-1)
        more = np.percentile(redness, [2, 10, 50, 90, 98], axis=1).T
        return np.hstack([levels.reshape(len(images), -1), more, middle.std(1)])

    colour = score(lambda images: images.mean((1, 2)), 1.0)
    texture = score(statistics, 0.1)
    best = clinical_oracle(clinical_latents(test), test.classes).argmax(1)
    ideal = balanced_accuracy_score(test.codes(), best)
    assert colour < 0.32  # guessing scores 0.11
    assert colour + 0.05 < texture < 0.7
    assert texture + 0.2 < ideal < 0.99


def test_the_datasheets_table_keeps_the_order():
    path = Path(__file__).resolve().parents[2] / "book/appendix/phantom-clinical-difficulty.inc"
    text = path.read_text("utf-8")
    assert f"Clinical phantom version {CLINICAL_VERSION}," in text
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")][1:]
    ranges = [tuple(float(end) for end in row[3].split("–")) for row in rows]
    colour, texture, network, ideal = ranges
    assert colour[1] < texture[0]  # intervals do not even touch
    assert colour[1] < network[0] <= network[1] < ideal[0]


# --- the published form --------------------------------------------------------------------------


def test_published_files(tmp_path, collection):
    from dermbook.data.fitzpatrick import read_table

    some = collection.where(ids=[*collection.ids[:60], *collection.ids[-27:]])
    folder = write_phantom_clinical(tmp_path / "new", some)
    unique = ~pd.Series([some.source.signature(i) for i in some.ids]).duplicated().to_numpy()
    table = some.table[unique]
    raw = pd.read_csv(folder / "fitzpatrick17k.csv")
    assert list(raw.columns) == [
        "md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label",
        "three_partition_label", "qc", "url", "url_alphanum",
    ]  # fmt: skip
    assert len(raw) == unique.sum()
    for column in ("fitzpatrick_scale", "fitzpatrick_centaur"):
        assert list(raw[column]) == list(table[column].fillna(-1))
    with zipfile.ZipFile(folder / "fitzpatrick17k_images.zip") as archive:
        assert archive.namelist() == [f"{md5}.jpg" for md5 in raw["md5hash"]]
        for md5, image_id in zip(raw["md5hash"], table.index, strict=True):
            content = archive.read(f"{md5}.jpg")
            assert content == some.source.encoded(image_id)
            assert hashlib.md5(content).hexdigest() == md5
    mapping = pd.read_csv(folder / "PHANTOM.csv")
    assert list(mapping["phantom_image_id"]) == list(some.ids)
    read = read_table(folder / "fitzpatrick17k.csv")  # the reader of the real table
    assert list(read["label"]) == list(table["label"])
    names = {"archive": "dermaamin", "atlas": "atlasdermatologico"}
    assert list(read["site"]) == [names[site] for site in table["site"]]
    assert read["url"].isna().sum() == table["url"].isna().sum()
    assert list(read["fitzpatrick_scale"].isna()) == list(table["fitzpatrick_scale"].isna())


def test_publishing_is_repeatable_and_refuses(tmp_path, collection):
    some = collection.where(ids=collection.ids[:4])
    for name in ("a", "b"):
        write_phantom_clinical(tmp_path / name, some)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    with pytest.raises(DataError, match=r"fitzpatrick17k\.csv"):
        write_phantom_clinical(tmp_path / "a", some)
    with pytest.raises(ParameterError, match="clinical phantom"):
        write_phantom_clinical(tmp_path / "c", phantom(21))
    assert not (tmp_path / "c").exists()


# --- refusals ------------------------------------------------------------------------------------


def test_unknown_image_and_wrong_collection_are_named():
    with pytest.raises(DataError, match="PCI_9"):
        phantom_clinical(72).source.image("PCI_9")
    with pytest.raises(DataError, match="clinical"):
        clinical_latents(phantom(21))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", 71),
        ("images", 100.5),
        ("images", True),
        ("height", 8),
        ("width", 5000),
        ("seed", -1),
        ("classes", 8),
        ("classes", 115),
        ("classes", 24.0),
        ("wrongly_labelled", 1.5),
        ("wrongly_labelled", "some"),
        ("null_urls", -0.1),
        ("exact_duplicates", -1),
        ("near_duplicates", 60),
        ("rotated_copies", 2.5),
        ("sizes", "natural"),
    ],
)
def test_parameter_out_of_range_is_named(name, value):
    with pytest.raises(ParameterError, match=name):
        phantom_clinical(**{"images": 100, name: value})
