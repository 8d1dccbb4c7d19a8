"""Fine-tuning: settings, warm-up, budget, resuming, and the experiments built on it."""

import re
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from dermbook.data import Batches, CachedImages, cached_images, load_split, malignant_or_benign
from dermbook.errors import ParameterError
from dermbook.evaluation.fine_tuning import (
    Depth,
    FineTuning,
    exploding_gradients,
    explosions,
    fewer_to_train,
    fine_tune,
    halvings,
    head_trials,
    last_epoch_settings,
    precision,
    r4_plateau,
    replayed,
    speeds,
    tuning,
    unfreezing,
    unfreezing_table,
    vectors_of,
)
from dermbook.models.transfer import build_transfer
from dermbook.publishing.fine_tuning import (
    R4_HALVED,
    R4_VAL_F1,
    depth_effects,
    kendall,
    r1_optimizers,
)
from dermbook.training import predict_flipped, predict_probabilities
from dermbook.training.sampling import class_sampler

ROOT = Path(__file__).resolve().parents[2]

HOW = {
    "epochs": 2, "learning_rate": 1e-3, "warm_up": 1, "sampling": "square-root", "augment": "flips",
    "smoothing": 0.05, "ema": 0.9, "batch_size": 16, "verbose": "none",
}  # fmt: skip


@pytest.fixture(scope="module")
def lesions(small_phantom):
    """30 phantom pictures a part are enough: (collection, split)."""
    return small_phantom, load_split(small_phantom, seed=0)


@pytest.fixture
def images(lesions):
    return cached_images(lesions[0], height=32, width=32, progress=False)


class Killed(BaseException):
    pass


def test_a_killed_training_ends_with_the_same_numbers(lesions, images, tmp_path, monkeypatch):
    folder = tmp_path / "kept"
    straight = fine_tune("tiny", *lesions, images, **HOW)
    monkeypatch.setattr(tuning, "_brake", lambda *_: kill)
    with pytest.raises(Killed):
        fine_tune("tiny", *lesions, images, checkpoints=folder, minutes=9, **HOW)
    assert {path.name for path in folder.iterdir()} == {
        "tiny-fine-tuned.npz",
        "tiny-fine-tuned--start.npz",
    }
    monkeypatch.undo()
    monkeypatch.setattr(tuning, "_warm_up", None)  # not to be repeated
    again = fine_tune("tiny", *lesions, images, checkpoints=folder, minutes=9, **HOW)
    assert again.fit.resumed_from == 1
    for part, predictions in straight.predictions.items():
        assert np.array_equal(predictions.probabilities, again.predictions[part].probabilities)
    assert not list(folder.iterdir())


def kill(row):
    raise Killed


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"epoch": 3}, "no setting 'epoch'"),
        ({"epochs": 0}, "epochs"),
        ({"schedule": "step"}, "schedule"),
        ({"sampling": "all"}, "sampling"),
        ({"augment": "r9"}, "r9"),
        ({"monitor": "val_f1"}, "monitor"),
        ({"minutes": -1}, "minutes"),
    ],
)
def test_bad_settings_are_named_before_anything_is_trained(lesions, wrong, named):
    with pytest.raises(ParameterError, match=named):
        fine_tune("tiny", *lesions, None, **wrong)


def test_it_stops_within_its_minutes():
    model = SimpleNamespace(stop_training=False)
    brake = tuning._brake(model, 1.0, None)
    # 25 s with the compilation, then 10 s each: at 45 s there is time for one more, at 55 s none
    stopped = []
    for epoch, seconds in enumerate([25, 10, 10, 10], start=1):
        brake({"epoch": epoch, "seconds": seconds})
        stopped.append(model.stop_training)
    assert stopped == [False, False, False, True]


def test_the_rate_rises_and_comes_down_by_the_last_epoch():
    how = FineTuning(epochs=4, learning_rate=0.01)
    rate = tuning._optimizer(how, steps=10)._learning_rate
    rates = [float(rate(step)) for step in range(41)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01)
    assert int(np.argmax(rates)) == 5
    assert rates[40] == pytest.approx(0, abs=1e-9)


def test_mirrored_predictions_do_not_change_when_the_picture_is_mirrored(lesions, images):
    model = build_transfer("tiny", (32, 32, 3), 7, seed=2)
    ids = lesions[0].ids[:6]
    found = predict_flipped(model, images, ids)
    mirrored = CachedImages(np.asarray(images.images)[:, ::-1], images.ids, images.path)
    assert found == pytest.approx(predict_flipped(model, mirrored, ids), abs=1e-6)
    assert found.sum(axis=1) == pytest.approx(np.ones(6), abs=1e-5)
    alone = predict_probabilities(model, images, ids, progress=False)
    assert not np.allclose(alone, found, atol=1e-7)


def test_classes_are_drawn_anew_by_the_root_of_their_size(images, lesions):
    codes = np.repeat([0, 1, 2], [81, 16, 4])
    draw = class_sampler(codes, "square-root")
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(200)]
    counts = np.array([np.bincount(codes[each]) for each in drawn])
    assert (counts.sum(axis=1) == 101).all()
    # 9 : 4 : 2 of 101
    assert counts.mean(axis=0) == pytest.approx(101 * np.array([9, 4, 2]) / 15, abs=0.15)
    assert np.ptp(counts, axis=0).max() <= 1
    # within a class every image equally often, up to one
    times = np.bincount(drawn[0], minlength=101)
    assert all(np.ptp(times[codes == code]) <= 1 for code in range(3))
    assert (class_sampler(codes, "none")(rng).tolist()) != list(range(101))
    assert sorted(class_sampler(codes, "none")(rng)) == list(range(101))
    with pytest.raises(ParameterError, match="square-root"):
        class_sampler(codes, "root")

    ids = lesions[1].parts["train"]
    own = lesions[0].codes(ids)
    batches = Batches(images, ids, own, sampler=class_sampler(own, "balanced"), seed=4)
    again = Batches(images, ids, own, sampler=class_sampler(own, "balanced"), seed=4)
    assert np.array_equal(batches.order(3), again.order(3))
    assert not np.array_equal(batches.order(3), batches.order(4))
    with pytest.raises(ParameterError, match="sampler"):
        Batches(images, ids, own, sampler=lambda rng: np.arange(3))


def test_r4s_rule_halves_r4s_rate_when_r4_says_so():
    auto = replayed(R4_VAL_F1, r4_plateau("auto"))
    assert tuple(auto.loc[auto["halved"], "epoch"]) == R4_HALVED
    # the rates of its log: .001, .0005, .00025, .000125, and 6.25e-5 in epoch 22
    assert auto["learning_rate"].iloc[[0, 6, 11, 16, 21]].tolist() == pytest.approx(
        [1e-3, 5e-4, 2.5e-4, 1.25e-4, 6.25e-5]
    )
    right = replayed(R4_VAL_F1, r4_plateau("max"))
    # best at 17, then five epochs without a better one
    assert right.loc[right["halved"], "epoch"].tolist() == [22]
    counts = halvings(pd.concat([auto, right]), patience=5).set_index("mode")
    assert counts["wrong"].to_dict() == {"auto": 4, "max": 0}
    assert counts.loc["auto", "epochs"] == "6, 11, 16, 21"


def test_r4s_curve_is_what_its_log_prints():
    logs = sorted((ROOT.parent / "shared" / "reports").glob("004_*.txt"))
    if not logs:
        pytest.skip("needs the text of report R4 in ../shared/reports")
    log = logs[0].read_text(encoding="utf-8")
    log = re.sub(r"\s+", " ", log[log.index("renset50v2.h5") :])
    printed = re.findall(r"val_f1_metric: (0\.\d{4})", log)
    assert tuple(map(float, printed[: len(R4_VAL_F1)])) == R4_VAL_F1
    halved = re.findall(r"Epoch 000(\d\d): ReduceLROnPlateau", log)
    assert tuple(map(int, halved)) == R4_HALVED


def test_unscaled_pixels_explode_and_clipping_holds(lesions):
    binary = malignant_or_benign(lesions[0], ["mel", "bcc", "akiec"])
    ids = pd.Index(lesions[1].parts["train"])
    rng = np.random.default_rng(0)
    values = rng.random((len(ids), 64)).astype("float32")
    arms = exploding_gradients(
        CachedImages(values, ids, Path()),
        CachedImages(values * 300, ids, Path()),
        binary,
        list(ids),
        steps=16,
    )
    found = explosions(arms, 16).set_index("arm")
    assert found["exploded"].to_dict() == {
        "scaled pixels": False,
        "unscaled pixels": True,
        "unscaled, L2": True,
        "unscaled, clipped": False,
        "unscaled, clipped, L2": False,
    }
    first = arms[arms["step"] == 1].set_index("arm")
    # the norm is that before clipping, of the same weights and images
    assert first.loc["unscaled, clipped", "norm"] == pytest.approx(
        first.loc["unscaled pixels", "norm"]
    )
    assert first.loc["unscaled pixels", "norm"] > 100 * first.loc["scaled pixels", "norm"]


def test_depths_share_all_but_what_learns(lesions, images):
    collection, split = lesions
    fewer = fewer_to_train(split, 20, seed=1)
    assert len(fewer.parts["train"]) == 20
    assert set(fewer.parts["train"]) < set(split.parts["train"])
    assert fewer.parts["test"] == split.parts["test"]
    binary = malignant_or_benign(collection, ["mel", "bcc", "akiec"])
    trials = unfreezing("tiny", binary, fewer, images, ["0", "all"], epochs=1, warm_up=0)
    table = unfreezing_table(trials).drop_duplicates("model").set_index("depth")
    assert table.loc["0", "trainable"] == 65
    assert table.loc["all", "trainable"] == 65 + sum(
        9 * a * b for a, b in ((3, 16), (16, 32), (32, 48), (48, 64))
    )
    assert set(depth_effects(trials)["comparison"]) == {"all − 0"}
    assert Depth.named("150, batch statistics") == Depth(
        "last-150-batch-statistics", 150, "training"
    )
    with pytest.raises(ParameterError, match="half"):
        Depth.named("half")


def test_the_policy_is_what_it_was_before(lesions, images):
    binary = malignant_or_benign(lesions[0], ["mel"])
    found = speeds(
        "tiny", binary, lesions[1], images, policies=["float32", "mixed_bfloat16"],
        compiled=[False, True], steps=2, validated=8,
    )  # fmt: skip
    if keras.backend.backend() == "tensorflow":  # deterministic operations, so it is not compiled
        compiled = found[found["compiled"]]
        assert compiled["step"].isna().all()
        assert compiled["error"].str.contains("not compiled").all()
    found = found[~found["compiled"]]
    assert keras.config.dtype_policy().name == "float32"
    # the other one may lack an operation on this machine, and then says which
    whole, half = found.set_index("policy").loc[["float32", "mixed_bfloat16"]].itertuples()
    assert whole.error == ""
    assert np.isfinite(whole.loss)
    assert half.error or half.loss == pytest.approx(whole.loss, rel=0.1)
    inside = failing_inside("mixed_bfloat16")
    assert inside == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "float32"


def failing_inside(policy):
    """The policy inside the context, which an error leaves."""
    try:
        with precision(policy):
            name = keras.config.dtype_policy().name
            raise Killed
    except Killed:
        return name


def test_last_epoch_and_best_epoch_are_the_same_training(lesions, images):
    vectors = vectors_of("tiny", lesions[0], height=32, width=32)
    trials = head_trials(vectors, *lesions, last_epoch_settings(2), [0], parts=["validation"])
    (best,), (last,) = trials["ft-best"], trials["ft-last"]
    columns = best.fit.history.columns.drop("seconds")
    assert best.fit.history[columns].equals(last.fit.history[columns])
    again = predict_probabilities(
        last.model, vectors, lesions[1].parts["validation"], progress=False
    )
    assert again == pytest.approx(last.predictions["validation"].probabilities, abs=1e-6)
    assert best.fit.best_epoch == best.fit.history["val_loss"].idxmin() + 1


def test_r1s_ranking_is_read_from_its_table():
    reported = r1_optimizers()
    assert reported.loc["sgd"].tolist() == [0.5515, 0.5868]
    assert reported["test"].idxmax() == "nadam"
    pairs = pd.DataFrame({"value": [0.1, -0.1, 0.2], "reported": [0.2, 0.1, 0.3]})
    assert kendall(pairs) == (pytest.approx(1 / 3), 3)
