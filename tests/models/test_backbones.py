"""Backbones, their scalings and weights, and features computed once."""

import keras
import numpy as np
import pytest

from dermbook.data import load_collection
from dermbook.errors import DataError, ParameterError
from dermbook.models import BACKBONES, SCALINGS, Embedder, build_backbone, frozen_features
from dermbook.models import features as features_module
from dermbook.models.backbones import scaled
from dermbook.models.weights import find_weights


@pytest.fixture
def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, 32, 40, 3), dtype=np.uint8)


@pytest.fixture
def no_download(monkeypatch):
    monkeypatch.setattr("dermbook.models.weights._cannot_download", lambda name: "no network.")


@pytest.mark.parametrize(
    ("scaling", "module"),
    [("symmetric", "mobilenet_v2"), ("caffe", "vgg16"), ("raw", "efficientnet")],
)
def test_scalings_are_those_of_keras(pictures, scaling, module):
    expected = getattr(keras.applications, module).preprocess_input(pictures.astype("float32"))
    assert np.allclose(np.asarray(scaled(pictures, scaling)), expected, atol=1e-4)


def test_torch_scaling_is_that_of_imagenet_utils(pictures):
    from keras.applications import imagenet_utils

    expected = imagenet_utils.preprocess_input(pictures.astype("float32"), mode="torch")
    assert np.allclose(np.asarray(scaled(pictures, "torch")), expected, atol=1e-5)


def test_the_own_scaling_of_each_backbone_is_its_keras_module_s(pictures):
    modules = {
        "mobilenetv2": "mobilenet_v2",
        "resnet50": "resnet50",
        "resnet50v2": "resnet_v2",
        "vgg16": "vgg16",
        "vgg19": "vgg19",
        "inceptionv3": "inception_v3",
        "efficientnetb2": "efficientnet",
        "efficientnetb3": "efficientnet",
    }
    assert set(modules) == set(BACKBONES)
    for name, module in modules.items():
        expected = getattr(keras.applications, module).preprocess_input(pictures.astype("float32"))
        ours = np.asarray(scaled(pictures, BACKBONES[name].scaling))
        assert np.allclose(ours, expected, atol=1e-4), name


def test_unknown_words_are_refused_with_the_known_ones(pictures):
    with pytest.raises(ParameterError, match=r"unit.*not 'units'"):
        scaled(pictures, "units")
    with pytest.raises(ParameterError, match='Did you mean "vgg16"'):
        build_backbone("vgg-16", (64, 64, 3), weights="random")
    with pytest.raises(ParameterError, match="weights: must be one of"):
        build_backbone("vgg16", (64, 64, 3), weights="imagnet")
    with pytest.raises(ParameterError, match="at least 75×75"):
        build_backbone("inceptionv3", (64, 96, 3), weights="random")


def test_random_weights_follow_the_seed_and_give_living_features(pictures):
    options = {"height": 32, "width": 40, "weights": "random", "batch_size": 4}
    first, same, other = (Embedder("vgg16", seed=seed, **options)(pictures) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.allclose(first, other)
    normalised = Embedder("mobilenetv2", **options)
    vectors = normalised(pictures)
    assert vectors.shape == (3, 1280)
    assert vectors.dtype == np.float32
    # without calibration they are of the order of 1e-12
    assert vectors.std() > 0.05
    assert normalised(pictures[:0]).shape == (0, 1280)


def test_the_batch_size_does_not_change_the_features(pictures):
    one, many = (
        Embedder("vgg16", height=32, width=40, weights="random", batch_size=size)(pictures)
        for size in (1, 3)
    )
    assert np.allclose(one, many, atol=1e-5)


def test_a_missing_weight_file_says_what_to_do(no_download, monkeypatch, tmp_path):
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no folder"):
        find_weights("VGG16", "imagenet")
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(tmp_path))
    with pytest.raises(DataError, match=r"VGG16_notop\.weights\.h5.*imagenet-or-random"):
        find_weights("VGG16", "imagenet")
    found = find_weights("VGG16", "imagenet-or-random", seed=3)
    assert found.argument is None
    assert "seed 3: no ImageNet weights" in found.origin


def test_local_weights_are_told_apart_by_their_content(no_download, monkeypatch, tmp_path):
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(tmp_path))
    path = tmp_path / "VGG16_notop.weights.h5"
    path.write_bytes(b"one")
    first = find_weights("VGG16", "imagenet")
    assert first.argument == str(path)
    assert "local file, SHA-256" in first.origin
    path.write_bytes(b"another")
    assert find_weights("VGG16", "imagenet").key != first.key


def test_published_weights_tell_a_lesion_from_skin(shared_data, monkeypatch, small_phantom):
    """ImageNet features separate the classes better than random ones of the same network."""
    weights = shared_data.parent / "weights"
    if not weights.is_dir():
        pytest.skip(f"no weights in {weights}")
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(weights))
    found = frozen_features(small_phantom, "mobilenetv2", height=48, width=64)
    assert "Keras's own" in found.origin
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    naevus = small_phantom.table["label"] == "nv"
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    scores = cross_val_score(model, found.values, naevus, scoring="roc_auc")
    assert scores.mean() > 0.7


def test_features_are_computed_once_and_keep_their_ids(monkeypatch):
    collection = load_collection("phantom", images=24, height=32, width=40)
    options = {"height": 32, "width": 40, "weights": "random"}
    first = frozen_features(collection, "vgg16", **options)
    images = np.stack([collection.image(image_id) for image_id in collection.ids])
    assert np.allclose(
        first.values, Embedder("vgg16", height=32, width=40, weights="random")(images), atol=1e-5
    )
    ids = list(collection.ids[5:2:-1])
    assert np.array_equal(first.take(ids), first.values[[5, 4, 3]])
    assert list(first.frame().index) == list(collection.ids)
    with pytest.raises(DataError, match="no image 'nobody'"):
        first.take(["nobody"])

    def never(*_, **__):
        raise AssertionError("the features were computed again")

    monkeypatch.setattr(features_module, "Embedder", never)
    again = frozen_features(collection, "vgg16", **options)
    assert np.array_equal(again.values, first.values)


def test_features_of_another_scaling_or_seed_are_others():
    collection = load_collection("phantom", images=21, height=32, width=32)
    options = {"height": 32, "width": 32, "weights": "random"}
    own, unit = (frozen_features(collection, "vgg16", scaling=s, **options) for s in ("own", "raw"))
    assert own.path != unit.path
    assert not np.allclose(own.values, unit.values)
    assert set(SCALINGS) == {"raw", "unit", "symmetric", "torch", "caffe"}


def test_a_stopped_computation_goes_on_with_the_next_block(monkeypatch):
    collection = load_collection("phantom", images=40, height=32, width=32)
    options = {"height": 32, "width": 32, "weights": "random"}
    whole = np.array(frozen_features(collection, "vgg16", **options).values)
    for path in frozen_features(collection, "vgg16", **options).path.parent.iterdir():
        path.unlink()
    for module in ("dermbook.models.features", "dermbook.data.image_store"):
        monkeypatch.setattr(f"{module}.BLOCK", 16)
    computed = []
    real = Embedder.__call__

    def dies_on_the_third(self, images):
        if len(computed) == 2:
            raise KeyboardInterrupt
        computed.append(len(images))
        return real(self, images)

    monkeypatch.setattr(Embedder, "__call__", dies_on_the_third)
    with pytest.raises(KeyboardInterrupt):
        frozen_features(collection, "vgg16", **options)
    monkeypatch.setattr(Embedder, "__call__", lambda s, x: computed.append(len(x)) or real(s, x))
    again = frozen_features(collection, "vgg16", **options)
    assert computed == [16, 16, 8]  # each image once
    assert np.allclose(again.values, whole, atol=1e-6)
    assert not list(again.path.parent.glob("*.parts"))
