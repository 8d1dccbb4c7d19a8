"""Training a model by name and judging it: the walk that every chapter takes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dermbook.data import Collection, cached_images, load_split
from dermbook.errors import ParameterError
from dermbook.evaluation import Predictions, best_on_validation, classify, predict_unlabelled

TINY = {"filters": 2, "dense": 4}


def trial_with(validation_truth_right: bool, collection, name):
    """A stand-in for a Trial that is right on validation or on test, but not on both."""
    predictions = {}
    for part, right in (
        ("validation", validation_truth_right),
        ("test", not validation_truth_right),
    ):
        ids = collection.ids[:60]
        codes = collection.codes(ids)
        answers = codes if right else (codes + 1) % 7
        predictions[part] = Predictions.from_probabilities(
            ids, np.eye(7)[answers], collection, model=name, part=part
        )
    return SimpleNamespace(name=name, predictions=predictions)


def test_the_test_part_chooses_nothing(small_phantom):
    good_on_test = trial_with(False, small_phantom, "good-on-test")
    good_on_validation = trial_with(True, small_phantom, "good-on-validation")
    assert best_on_validation([good_on_test, good_on_validation]) is good_on_validation
    other = SimpleNamespace(
        name="other",
        predictions={"validation": SimpleNamespace(classes=("benign", "malignant"))},
    )
    with pytest.raises(ParameterError, match="same classes"):
        best_on_validation([good_on_validation, other])


def test_a_model_is_trained_by_name_and_predicts_each_part_once(small_phantom, tmp_path):
    split = load_split(small_phantom, seed=0)
    images = cached_images(small_phantom, height=16, width=16)
    trial = classify(
        "one-conv",
        small_phantom,
        split,
        images,
        name="tiny",
        options=TINY,
        epochs=1,
        early_stopping=None,
        checkpoints=tmp_path,
        verbose="none",
    )
    assert set(trial.predictions) == {"validation", "test"}
    for part, predictions in trial.predictions.items():
        assert predictions.ids == split.parts[part]
        assert predictions.classes == small_phantom.classes
        truth = small_phantom.table["label"].loc[list(predictions.ids)]
        assert (predictions.table["truth"] == truth).all()
    assert list(trial.history["model"]) == ["tiny"]
    assert trial.parameters == trial.model.count_params()
    # nothing is left of a training that ended
    assert not list(tmp_path.glob("*.npz"))

    unlabelled = Collection(
        "isic2018-test",
        small_phantom.table.assign(label=pd.Series(pd.NA, small_phantom.table.index, dtype="str")),
        small_phantom.classes,
        small_phantom.source,
        phantom=True,
    )
    predicted = predict_unlabelled(trial, unlabelled, height=16, width=16)
    assert not predicted.has_truth
    assert predicted.ids == small_phantom.ids
    # the same images give the same answers, whatever is known of them
    ids = list(trial.predictions["test"].ids)
    known = trial.predictions["test"].table.loc[ids, list(small_phantom.classes)]
    again = predicted.table.loc[ids, list(small_phantom.classes)]
    assert np.allclose(known, again, atol=1e-6)


def test_two_classes_get_one_output_and_two_columns(small_phantom):
    two = small_phantom.relabel(
        {name: "malignant" if name == "mel" else "benign" for name in small_phantom.classes},
        ("benign", "malignant"),
    )
    split = load_split(small_phantom, seed=0)
    images = cached_images(small_phantom, height=16, width=16)
    trial = classify(
        "one-conv",
        two,
        replace(split, parts=dict(split.parts)),
        images,
        parts=("validation",),
        options=TINY,
        epochs=1,
        early_stopping=None,
        verbose="none",
    )
    assert trial.model.output_shape == (None, 1)
    assert trial.name == "one-conv"
    assert trial.predictions["validation"].probabilities.shape[1] == 2
