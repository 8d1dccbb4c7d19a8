"""Near duplicates: hashes, embeddings, visual words, keypoints and what they prove."""

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy.fft import dctn

from dermbook.data import Collection, cleaning, phantom
from dermbook.errors import DataError, ParameterError


@pytest.fixture(scope="module")
def faulty():
    return phantom(120, height=96, width=128, seed=0, exact_duplicates=4, near_duplicates=12)


@pytest.fixture(scope="module")
def pictures(faulty):
    return np.stack([faulty.image(image_id) for image_id in faulty.ids])


@pytest.fixture(scope="module")
def features(faulty, pictures):
    return cleaning.local_features(pictures, faulty.ids)


def planted(collection):
    table = collection.table
    near = table["near_duplicate_of"].dropna()
    return {(original, copy) for copy, original in near.items()}


def keys(pairs):
    return {*zip(pairs["image_id"], pairs["other"], strict=True)}


def test_perceptual_hash_is_the_cosine_transform(pictures):
    grey = cv2.cvtColor(pictures[0], cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA)
    low = dctn(small.astype(float), type=2)[1:9, 1:9].ravel()
    bits = low > np.median(low)
    expected = np.packbits(bits).view(np.uint64)[0]
    assert cleaning.hamming(cleaning.perceptual_hash(pictures[:1]), expected)[0] <= 1  # rounding


def test_hashes_ignore_brightness_and_feel_turns(pictures):
    dimmer = (pictures[:20] * 0.8).astype(np.uint8)
    turned = np.rot90(pictures[:20], 2, axes=(1, 2))
    plain = cleaning.perceptual_hash(pictures[:20])
    assert cleaning.hamming(plain, cleaning.perceptual_hash(dimmer)).max() <= 4
    assert cleaning.hamming(plain, cleaning.perceptual_hash(turned)).mean() > 16
    all_eight = cleaning.dihedral_hashes(pictures[:20])
    assert (all_eight[0] == plain).all()
    back = cleaning.hamming(all_eight[2], cleaning.perceptual_hash(turned))
    assert back.max() <= 4


def test_a_turned_and_mirrored_copy_is_found_with_its_turn(pictures):
    mirrored = np.rot90(pictures[0][:, ::-1], 1)
    squares = [cv2.resize(p, (64, 64), interpolation=cv2.INTER_AREA) for p in pictures[:5]]
    copy = cv2.resize(mirrored, (64, 64), interpolation=cv2.INTER_AREA)
    hashes = cleaning.dihedral_hashes(np.stack([*squares, copy]))
    pairs = cleaning.hash_pairs(hashes, list("abcdef"), within=4)
    assert keys(pairs) == {("a", "f")}
    assert "mirrored" in pairs["turn"][0]


def test_hash_pairs_equal_the_naive_loop():
    hashes = np.random.default_rng(0).integers(0, 2**12, 600).astype(np.uint64)
    ids = [f"{k:03}" for k in range(600)]
    found = cleaning.hash_pairs(hashes, ids, within=2)
    naive = {
        (ids[i], ids[j], int(hashes[i] ^ hashes[j]).bit_count())
        for i in range(600)
        for j in range(i + 1, 600)
        if int(hashes[i] ^ hashes[j]).bit_count() <= 2
    }
    assert {*found[["image_id", "other", "distance"]].itertuples(index=False, name=None)} == naive
    assert found["distance"].is_monotonic_increasing


def test_empty_and_impossible_searches():
    none = cleaning.hash_pairs(np.array([0, 2**64 - 1], np.uint64), ["a", "b"], within=5)
    assert none.empty
    assert list(none) == ["image_id", "other", "distance", "turn"]
    with pytest.raises(ParameterError, match="within"):
        cleaning.hash_pairs(np.zeros(2, np.uint64), ["a", "b"], within=65)
    with pytest.raises(DataError, match="2 hashes for 1"):
        cleaning.hash_pairs(np.zeros(2, np.uint64), ["a"], within=1)
    with pytest.raises(DataError, match="uint8 pictures"):
        cleaning.perceptual_hash(np.zeros((2, 8, 8)))


def test_hashes_find_the_planted_copies(faulty, pictures):
    pairs = cleaning.hash_pairs(cleaning.perceptual_hash(pictures), faulty.ids, within=8)
    assert planted(faulty) <= keys(pairs)
    kinds = cleaning.planted_kind(faulty, pairs)
    assert (kinds == "copy").sum() == 16 == cleaning.planted_copies(faulty)


def test_cosine_pairs_equal_scikit_learn():
    from sklearn.metrics.pairwise import cosine_similarity

    vectors = np.random.default_rng(0).normal(size=(60, 7))
    table = cosine_similarity(vectors - vectors.mean(axis=0))
    np.fill_diagonal(table, -2)
    near = np.argsort(-table, axis=1)[:, :3]
    either = {tuple(sorted((i, int(j)))) for i in range(60) for j in near[i]}
    both = {(i, j) for i, j in either if j in near[i] and i in near[j]}
    ids = [f"{k:02}" for k in range(60)]
    found = cleaning.cosine_pairs(vectors, ids, neighbours=3)
    assert {(int(a), int(b)) for a, b in keys(found)} == either
    mutual = cleaning.cosine_pairs(vectors, ids, neighbours=3, mutual=True)
    assert {(int(a), int(b)) for a, b in keys(mutual)} == both
    first = found.iloc[0]
    assert first["cosine"] == pytest.approx(table.max(), abs=1e-6)
    assert (cleaning.cosine_pairs(vectors, ids, threshold=0.5)["cosine"] >= 0.5).all()


def test_thumbnails_find_planted_and_mirrored_copies(faulty, pictures):
    with_mirror = np.concatenate([pictures, pictures[:1, :, ::-1]])
    ids = [*faulty.ids, "mirror"]
    views = cleaning.thumbnail_vectors(with_mirror)
    pairs = cleaning.cosine_pairs(views[0], ids, others=views[1:], threshold=0.8)
    assert planted(faulty) <= keys(pairs)
    assert (faulty.ids[0], "mirror") in keys(pairs)


def test_keypoints_recover_a_known_transform():
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (150, 200), np.uint8), (0, 0), 2)
    picture = cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX)
    known = cv2.getRotationMatrix2D((100, 75), -20, 1.15)  # 20 degrees clockwise on the screen
    moved = cv2.warpAffine(picture, known, (200, 150))
    matches, transform = cleaning.match(cleaning.keypoints(picture), cleaning.keypoints(moved))
    assert matches >= 15
    assert np.allclose(transform[:, :2], known[:, :2], atol=0.03)
    other = cv2.GaussianBlur(rng.integers(0, 255, (150, 200), np.uint8), (0, 0), 2)
    other = cv2.normalize(other, None, 0, 255, cv2.NORM_MINMAX)
    assert cleaning.match(cleaning.keypoints(picture), cleaning.keypoints(other))[0] < 9


def test_a_picture_without_structure_matches_nothing():
    empty = cleaning.keypoints(np.full((48, 64, 3), 120, np.uint8))
    assert len(empty.points) == 0
    assert cleaning.match(empty, empty) == (0, None)


def test_matches_tell_copies_from_strangers(faulty, features):
    pairs = cleaning.word_pairs(features, words=128)
    counted = cleaning.count_matches(pairs, features)
    kinds = cleaning.planted_kind(faulty, counted)
    assert counted["matches"][kinds == "copy"].min() >= 20
    assert np.quantile(counted["matches"][kinds == "unrelated"], 0.99) <= 7
    assert planted(faulty) <= keys(counted)
    with pytest.raises(DataError, match="no features of"):
        cleaning.count_matches(pd.DataFrame({"image_id": ["a"], "other": ["b"]}), features)


def test_word_vectors_are_the_same_each_time_and_of_length_one(features):
    one, two = (cleaning.word_vectors(features, words=64, seed=5) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    with pytest.raises(ParameterError, match="words"):
        cleaning.word_vectors(features, words=1)


class Pictures:
    """A source of given pictures."""

    def __init__(self, pictures):
        self.pictures = pictures

    def image(self, image_id):
        return self.pictures[image_id]


def collection_of(**pictures):
    table = pd.DataFrame({"label": "nv", "group": list(pictures)}, index=list(pictures))
    return Collection("made", table, ("nv",), Pictures(pictures))


def test_evidence_of_a_mirrored_turned_copy(pictures):
    original = pictures[0]
    turned = cv2.warpAffine(
        np.ascontiguousarray(original[:, ::-1]), cv2.getRotationMatrix2D((63.5, 47.5), 10, 1.1),
        (128, 96), borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    made = collection_of(a=original, b=turned, c=pictures[1])
    pairs = pd.DataFrame({"image_id": ["a", "a"], "other": ["b", "c"]})
    copy, stranger = cleaning.evidence(made, pairs, height=96, width=128).to_dict("records")
    assert copy["mirrored"]
    assert copy["matches"] >= 12
    assert copy["zoom"] == pytest.approx(1.1, abs=0.03)
    assert abs(copy["turn"]) == pytest.approx(10, abs=2)
    assert copy["correlation"] > 0.97
    assert copy["difference"] < 5
    assert copy["ssim"] > 0.8
    assert stranger["matches"] < 9
    assert stranger["detail"] < 0.5


def test_evidence_of_an_identical_picture(pictures):
    made = collection_of(a=pictures[0], b=pictures[0])
    pair = pd.DataFrame({"image_id": ["a"], "other": ["b"]})
    row = cleaning.evidence(made, pair, height=96, width=128).iloc[0]
    assert row["correlation"] == pytest.approx(1)
    assert row["ssim"] == pytest.approx(1)
    assert row["difference"] == pytest.approx(0, abs=1e-3)


def test_structural_similarity_by_formula():
    # of two flat pictures only the luminance term is left: (2ab + c1) / (a² + b² + c1)
    a, b = np.full((20, 20), 100.0), np.full((20, 20), 150.0)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert cleaning.structural_similarity(a, b) == pytest.approx(expected, abs=1e-9)
    assert cleaning.structural_similarity(a, a) == pytest.approx(1)
    with pytest.raises(ParameterError, match="shapes"):
        cleaning.structural_similarity(a, b[:5])


def test_truth_of_pairs(faulty):
    table = faulty.table
    copy = table["near_duplicate_of"].dropna().index[0]
    original = table.loc[copy, "near_duplicate_of"]
    others = table.index[(table["group"] != table.loc[original, "group"])]
    stranger = next(i for i in others if i != copy and pd.isna(table.loc[i, "near_duplicate_of"]))
    pairs = pd.DataFrame({"image_id": [original, original], "other": [copy, stranger]})
    assert cleaning.planted_kind(faulty, pairs)[0] == "copy"
    assert cleaning.planted_kind(faulty, pairs)[1] == "unrelated"
    with pytest.raises(DataError, match="only a phantom"):
        cleaning.planted_copies(collection_of(a=np.zeros((4, 4, 3), np.uint8)))
