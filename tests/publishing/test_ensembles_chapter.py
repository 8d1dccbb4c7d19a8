"""What the chapter on ensembles gathers, refuses, tabulates and says."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from records import make_record
from sklearn.metrics import accuracy_score, log_loss

from dermbook.data import cached_images, load_collection, load_split
from dermbook.errors import ChapterError, DataError, ParameterError
from dermbook.evaluation import Predictions
from dermbook.evaluation.ensembles import EnsembleError, optimism
from dermbook.models import build
from dermbook.publishing import ensembles, fine_tuning, summaries
from dermbook.publishing.ensembles import official
from dermbook.publishing.ensembles.candidates import BINARY
from dermbook.publishing.ensembles.tables import FOUR_SINGLE, THREE_FOUR, WEIGHTED
from dermbook.publishing.record import series_columns
from dermbook.publishing.summaries.ensembles import _seeds
from dermbook.training import predict_flipped

SEVEN = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
TWO = ("benign", "malignant")


def made(model, part, *, classes=SEVEN, n=70, skill=1.5, seed=0, fingerprint="0"):
    """Predictions of a part; parts share no lesion; the truth is the same for all models."""
    base = {"validation": 0, "test": 1000, "train": 2000}[part]
    k = len(classes)
    truth = np.random.default_rng(base).permutation(np.arange(n) % k)
    rng = np.random.default_rng([base, seed])
    logits = rng.normal(0, 1, (n, k))
    logits[np.arange(n), truth] += skill
    values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    ids = pd.Index([f"I{base + row}" for row in range(n)], name="image_id")
    table = pd.DataFrame(values, index=ids, columns=list(classes))
    table.insert(0, "truth", np.array(classes, dtype=object)[truth])
    table.insert(1, "group", [f"L{base + row // 2}" for row in range(n)])
    return Predictions(table, classes, model, part, "made", fingerprint * 64, True)


def pool(names="abcde", **options):
    return ensembles.Pool(
        *(
            tuple(made(name, part, seed=number + 1, **options) for number, name in enumerate(names))
            for part in ("validation", "test")
        )
    )


class Book:
    """A chapter whose needs are in a dictionary: chapter → model → options of ``made``."""

    def __init__(self, **sources):
        self.sources = {name.replace("_", "-"): models for name, models in sources.items()}
        self.header = SimpleNamespace(needs=tuple(self.sources))

    def needed_record(self, source):
        return SimpleNamespace(
            models={
                name: SimpleNamespace(classes=list(options.get("classes", SEVEN)))
                for name, options in self.sources[source].items()
            }
        )

    def needed_predictions(self, source, name, part):
        options = dict(self.sources[source][name])
        if part == options.pop("lacks", None):
            raise ChapterError("not there")
        return made(name, part, **options)


# ---- who may join ---------------------------------------------------------------------------


def test_the_largest_set_that_saw_the_same_images_is_the_pool():
    book = Book(
        first={
            "a": {"seed": 1}, "b": {"seed": 2}, "c": {"seed": 3, "n": 30},
            "two": {"classes": TWO}, "lost": {"lacks": "validation"},
        },
        second={"d": {"seed": 4}, "e": {"fingerprint": "1"}, "more": {"classes": TWO, "seed": 5}},
    )  # fmt: skip
    pools, table = ensembles.gather(book)
    assert pools["7 classes"].names == ("a", "b", "d")
    assert pools[BINARY].names == ("two", "more")
    used = table.set_index("model")["used"]
    assert list(used[used == "yes"].index) == ["a", "b", "two", "d", "more"]
    assert "other images" in used["c"]
    assert "other images" in used["e"]
    assert "no Predictions" in used["lost"]
    assert ensembles.seven(pools).names == ("a", "b", "d")
    with pytest.raises(DataError, match="no two models"):
        ensembles.gather(book, ["second"])


def test_nothing_to_combine_and_strange_sources_are_refused():
    with pytest.raises(DataError, match="no two models"):
        ensembles.gather(Book(first={"a": {}, "c": {"n": 30}}))
    with pytest.raises(ParameterError, match="'third'"):
        ensembles.gather(Book(first={"a": {}, "b": {}}), ["third"])
    only_binary = {BINARY: pool("ab", classes=TWO)}
    with pytest.raises(DataError, match="several classes"):
        ensembles.seven(only_binary)


def test_a_pool_refuses_parts_that_share_a_lesion_or_differ_in_models():
    a, b = made("a", "validation"), made("b", "validation", seed=1)
    with pytest.raises(EnsembleError, match="is in validation and test"):
        ensembles.Pool((a, b), tuple(each.subset(each.ids, part="test") for each in (a, b)))
    with pytest.raises(EnsembleError, match="different models"):
        ensembles.Pool((a, b), (made("a", "test"), made("c", "test")))
    with pytest.raises(EnsembleError, match="z is no candidate"):
        pool("ab").only(["z"])


# ---- tables ---------------------------------------------------------------------------------


def test_rules_are_chosen_on_validation_and_scored_on_test():
    several = pool()
    fitted = ensembles.fit_rules(
        several, metric="balanced_accuracy", top=2, rounds=4, bags=2, folds=3, seed=0
    )
    table = ensembles.rule_table(fitted, resamples=50)
    assert table["model"].iloc[0] == fitted.best
    assert table["validation"].is_monotonic_decreasing
    for row in table.itertuples():
        of = fitted.test[row.model]
        assert row.accuracy == pytest.approx(accuracy_score(of.truth_codes, of.predicted_codes))
        assert row.low <= row.test <= row.high
    validation, test = fitted.named("mean", "ensemble-mean")
    assert (validation.model, validation.part) == ("ensemble-mean", "validation")
    np.testing.assert_allclose(
        test.probabilities, np.mean([m.probabilities for m in several.test], axis=0)
    )
    gain = ensembles.ensemble_gain(fitted, resamples=50).set_index("metric").iloc[0]
    assert gain["value"] == pytest.approx(gain["second"] - gain["first"])


def test_rules_are_compared_by_their_mean_over_dealings_into_folds():
    how = {"metric": "accuracy", "top": 2, "rounds": 3, "bags": 2, "folds": 3}
    several = pool(skill=1.0, n=60)
    fitted = ensembles.fit_rules(several, **how, dealings=3, seed=4)
    single = [ensembles.fit_rules(several, **how, seed=4 + number) for number in range(3)]
    table = ensembles.rule_table(fitted, resamples=20).set_index("model")
    for name in ("stacking", "best single model"):
        scores = [
            accuracy_score(each.validation[name].truth_codes, each.validation[name].predicted_codes)
            for each in single
        ]
        row = table.loc[name, ["validation", "least", "most"]].tolist()
        assert row == pytest.approx([np.mean(scores), min(scores), max(scores)])
    with pytest.raises(ParameterError, match="dealings: 0"):
        ensembles.fit_rules(several, **how, dealings=0)


def test_the_curve_begins_at_the_best_single_model():
    several = pool()
    frame = ensembles.member_curve(several, metric="accuracy", rounds=4)
    first = frame[(frame["members"] == 1) & (frame["part"] == "validation")]
    best = max(accuracy_score(m.truth_codes, m.predicted_codes) for m in several.validation)
    assert first["value"].to_numpy() == pytest.approx([best, best])
    weights = ensembles.member_weights(several, metric="accuracy", rounds=4)
    assert weights["weight"].sum() == pytest.approx(1)


def test_r1s_best_few_by_hand_whoever_chooses():
    several = pool("abcdef", classes=TWO, skill=0.7)
    for on in ("validation", "test"):
        members = {"validation": several.validation, "test": several.test}[on]
        scores = np.array([accuracy_score(m.truth_codes, m.predicted_codes) for m in members])
        best = np.sort(np.argsort(-scores, kind="stable")[:3])
        weights = scores[best] / scores[best].sum()
        expected = np.tensordot(
            weights, np.stack([several.test[i].probabilities for i in best]), axes=1
        )
        found = ensembles.best_few(several, 3, WEIGHTED, on=on)[1]
        np.testing.assert_allclose(found.probabilities, expected)
    table = ensembles.r1_table(several, resamples=40)
    assert set(table["chosen_on"]) == {"validation", "test"}
    assert table["comparison"].nunique() == table["learner"].nunique() == 3
    assert ensembles.r1_table(pool("abc", classes=TWO)).empty


def test_hybrids_are_compared_with_both_and_with_their_mean():
    two = pool(["resnet18", "resnet50"], n=140)
    uneven = [
        each.subset([i for i in each.ids if each.table["truth"][i] != "df" or int(i[1:]) % 4 == 0])
        for each in (*two.validation, *two.test)
    ]
    two = ensembles.Pool(tuple(uneven[:2]), tuple(uneven[2:]))
    hybrids, large = ensembles.hybrids(two, "resnet18", "resnet50", 0.12)
    assert "df" not in large
    assert len(hybrids) == 5
    table = ensembles.hybrid_table(hybrids, metric="balanced_accuracy", resamples=40)
    assert table["comparison"].nunique() == 3
    assert set(table["learner"]) == {"hybrid-by-decision", "hybrid-by-class"}


def test_selection_on_the_test_part_never_looks_worse_for_the_best_one():
    table = ensembles.selection_table(
        pool("abcdefgh", skill=0.3), metric="accuracy", rounds=5, resamples=40
    ).set_index("learner")
    assert list(table.index) == ["best one", "best three, weighted", "greedy ensemble"]
    assert table.loc["best one", "value"] >= 0


# ---- verdicts -------------------------------------------------------------------------------


def r1_rows(three, four):
    rows = [
        (what, "accuracy", WEIGHTED, "validation", *interval)
        for what, interval in ((THREE_FOUR, three), (FOUR_SINGLE, four))
    ]
    columns = ["comparison", "metric", "learner", "chosen_on", "value", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize(
    ("three", "four", "verdict", "said"),
    [
        ((0.02, 0.01, 0.03), (-0.02, -0.03, -0.01), "confirmed", "shown"),
        ((0.02, -0.01, 0.03), (-0.02, -0.03, -0.01), "not confirmed", "holds zero"),
        ((0.02, 0.01, 0.03), (0.02, 0.01, 0.03), "not confirmed", "the opposite is shown"),
    ],
)
def test_r1s_verdict_follows_both_intervals(three, four, verdict, said):
    found = ensembles.r1_verdict(r1_rows(three, four), phantom=False)
    assert found[0] == verdict
    assert said in found[2]
    assert ensembles.r1_verdict(r1_rows(three, four), phantom=True)[0] == "cannot be compared"
    assert ensembles.r1_verdict(None, phantom=False)[0] == "cannot be compared"


def test_r3s_verdict_needs_all_three():
    frame = pd.DataFrame(
        {
            "learner": ["hybrid-by-decision"] * 3 + ["hybrid-by-class"] * 3,
            "comparison": ["mixture − a", "mixture − b", "mixture − mean"] * 2,
            "metric": "balanced_accuracy",
            "value": [0.1, 0.1, 0.1, 0, 0, 0],
            "low": [0.05, 0.05, -0.01, -1, -1, -1],
            "high": [0.2, 0.2, 0.2, 1, 1, 1],
        }
    )
    verdict, measured, because = ensembles.hybrid_verdict(frame, phantom=False)
    assert verdict == "not confirmed"
    assert "2 of 3" in because
    assert measured.count("mixture") == 3
    frame.loc[2, "low"] = 0.01
    assert ensembles.hybrid_verdict(frame, phantom=False)[0] == "confirmed"
    assert ensembles.hybrid_verdict(frame, phantom=True)[0] == "cannot be compared"


def test_m8_is_confirmed_only_beyond_its_error():
    def frame(greedy):
        rows = [("mean of all", 0.0), ("best one", 0.02), ("greedy ensemble", greedy)]
        table = pd.DataFrame(rows, columns=["way", "optimism"])
        return table.assign(models=9, error=0.004)

    assert ensembles.optimism_verdict(frame(0.05))[0] == "confirmed"
    assert ensembles.optimism_verdict(frame(0.01))[0] == "not confirmed"
    assert "+0.050" in ensembles.optimism_verdict(frame(0.05))[1]


# ---- official images and mirroring ----------------------------------------------------------


class Unlabelled:
    name, fingerprint, phantom, classes = "isic2018-test", "9" * 64, False, SEVEN
    ids = tuple(f"X{row}" for row in range(4))
    table = pd.DataFrame(
        {"label": pd.Series([None] * 4, dtype="object"), "group": ids}, index=pd.Index(ids)
    )


def sheet(folder, model, values, columns=SEVEN):
    frame = pd.DataFrame(values, columns=[name.upper() for name in columns])
    frame.insert(0, "image", Unlabelled.ids)
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / f"isic2018-test--laptop--{model}.csv", index=False)


def test_challenge_files_are_read_by_name_and_in_any_order(tmp_path):
    values = np.random.default_rng(0).dirichlet(np.ones(7), 4)
    sheet(tmp_path, "m", values[:, ::-1], SEVEN[::-1])
    path = tmp_path / "isic2018-test--laptop--m.csv"
    found = official.read_challenge_csv(path, Unlabelled, model="m")
    np.testing.assert_allclose(found.probabilities, values)
    assert not found.has_truth
    text = path.read_text().splitlines()
    path.write_text("\n".join(text[:-1]))
    with pytest.raises(DataError, match=r"1 images are missing, e\.g\. 'X3'"):
        official.read_challenge_csv(path, Unlabelled, model="m")
    path.write_text("\n".join(line.rsplit(",", 1)[0] for line in text))
    with pytest.raises(DataError, match="has the columns"):
        official.read_challenge_csv(path, Unlabelled, model="m")


def test_only_members_with_official_predictions_are_submitted(tmp_path, monkeypatch):
    values = np.random.default_rng(0).dirichlet(np.ones(7), (2, 4))
    for name, each in zip("bd", values, strict=True):
        sheet(tmp_path / "submissions", name, each)
    monkeypatch.setattr(official, "load_collection", lambda name: Unlabelled)
    kept = []
    chapter = SimpleNamespace(
        output=tmp_path, edition="laptop", header=SimpleNamespace(needs=("x",)),
        add_predictions=kept.append, add_series=lambda name, frame: kept.append(frame),
        add_submission=lambda found: kept.append(found) or tmp_path / "out.csv",
        record=lambda: make_record(),
    )  # fmt: skip
    monkeypatch.setattr(official, "measured_text", lambda metric: "measured")
    several = pool()
    block = ensembles.submit(
        chapter, several, "isic2018-test", metric="balanced_accuracy", rounds=4
    )
    assert "2 of 5 candidates" in block.markdown
    assert "measured" in block.markdown
    validation, test, submitted, weights = kept
    assert {each.model for each in (validation, test, submitted)} == {"ensemble-official"}
    shares = weights.set_index("model")["weight"]
    np.testing.assert_allclose(
        submitted.probabilities, np.tensordot(shares[["b", "d"]], values, axes=1)
    )
    none = ensembles.submit(chapter, pool("xy"), "isic2018-test", metric="accuracy", rounds=2)
    assert "None of the 2 candidates" in none.markdown
    skipped = ensembles.submit(chapter, several, "", metric="accuracy", rounds=2)
    assert "named no official" in skipped.markdown


@pytest.fixture
def kept(small_phantom, tmp_path, monkeypatch):
    """A chapter beside one that kept a small network and its Predictions over four views."""
    monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path))
    ran = {
        "collection": "phantom", "images": 70, "height": 32, "width": 48, "seed": 0,
        "best_height": 24, "best_width": 32, "best_flips": True,
    }  # fmt: skip
    lesions = load_collection("phantom", images=70, height=32, width=48, seed=0)
    images = cached_images(lesions, height=24, width=32, progress=False)
    network = build("one-conv", (24, 32, 3), len(lesions.classes), seed=3)
    ids = list(lesions.ids[:20])
    probabilities = predict_flipped(network, images, ids)
    own = Predictions.from_probabilities(ids, probabilities, lesions, model="net", part="test")
    added = []
    return SimpleNamespace(
        name="ensembles",
        edition="quick",
        needed_record=lambda source: SimpleNamespace(parameters=ran),
        needed_predictions=lambda source, name, part: own,
        needed_model=lambda source, name: network,
        add_predictions=added.append,
        added=added,
    )


def test_views_are_compared_with_one_view(kept):
    table = ensembles.views_table(kept, "net", ["accuracy", "log_loss"])
    assert [each.model for each in kept.added] == ["net-1-view", "net-2-views"]
    assert list(table["views"].unique()) == [1, 2, 4]
    by = table.set_index(["views", "metric"])
    assert by.loc[(1, "log_loss"), "difference"] == 0
    own = kept.needed_predictions("fine-tuning", "net", "test")
    codes = own.truth_codes
    by_hand = log_loss(codes, own.probabilities, labels=range(own.probabilities.shape[1]))
    assert by.loc[(4, "log_loss"), "value"] == pytest.approx(by_hand, abs=1e-4)


def test_a_network_that_did_not_make_the_predictions_is_refused(kept):
    kept.needed_model = lambda source, name: build("one-conv", (24, 32, 3), 7, seed=4)
    with pytest.raises(ChapterError, match="dermbook run fine-tuning --edition quick"):
        ensembles.views_table(kept, "net", ["accuracy"])


# ---- the summary ----------------------------------------------------------------------------


def test_the_summary_says_what_the_record_holds():
    several, two = pool(n=140), pool("abcde", classes=TWO)
    fitted = ensembles.fit_rules(
        several, metric="accuracy", top=2, rounds=3, bags=2, folds=2, seed=0
    )
    r1 = ensembles.r1_table(two, resamples=20)
    hybrid = pd.DataFrame(
        [("hybrid-by-decision", "mixture − a", "accuracy", 0.1, 0.05, 0.2)],
        columns=["learner", "comparison", "metric", "value", "low", "high"],
    )
    frames = {
        "chosen": pd.DataFrame([{"rule": fitted.best, "metric": "accuracy"}]),
        "gain": ensembles.ensemble_gain(fitted, resamples=20),
        "rules": ensembles.rule_table(fitted, resamples=20),
        "candidates": pd.DataFrame({"used": ["yes"] * 5, "task": ["7 classes"] * 5}),
        "curve": ensembles.member_curve(several, metric="accuracy", rounds=3),
        "r1-shown": r1[(r1["chosen_on"] == "validation") & (r1["metric"] == "accuracy")],
        "hybrid": hybrid,
        "optimism": optimism(several.validation, metric="accuracy", resamples=5),
        "selection": ensembles.selection_table(several, metric="accuracy", rounds=3, resamples=20),
    }
    metrics = [
        make_record().metrics[0].model_copy(update={"model": "ensemble", "metric": "accuracy"})
    ]
    record = make_record(
        series={name: series_columns(frame, name) for name, frame in frames.items()},
        metrics=metrics, answers=[],
    )  # fmt: skip
    text = " ".join(summaries.ensembles(record))
    assert fitted.best in text
    assert ".720 (.700–.740)" in text
    assert "5 candidates" in text
    assert "best three − best four" in text
    assert "shown to be better" in text
    assert "nan" not in text.lower()


# ---- the same network again -----------------------------------------------------------------

RAN = {
    "collection": "phantom", "images": 84, "height": 32, "width": 48, "seed": 0,
    "best_backbone": "tiny", "best_height": 24, "best_width": 32, "best_last": -1,
    "best_epochs": 1, "best_minutes": 1.0, "best_rate": 3e-4, "best_sampling": "square-root",
    "best_augment": "turns", "best_smoothing": 0.05, "best_ema": 0.0, "best_flips": True,
    "warm_up": 1, "weights": "random",
}  # fmt: skip


class Again:
    """A chapter that needs a fine-tuning whose best network was trained by ``RAN``."""

    name, edition = "ensembles", "quick"
    header = SimpleNamespace(needs=("fine-tuning",))

    def __init__(self, output, first=None):
        self.output, self.first, self.trials, self.used = output, first or {}, [], []

    def needed_record(self, source):
        assert source == "fine-tuning"
        return SimpleNamespace(parameters=RAN, models={})

    def needed_predictions(self, source, name, part):
        assert name == "tiny-fine-tuned"
        return self.first[part]

    def uses(self, lesions, split):
        self.used.append((lesions.name, split.strategy))

    def add_trial(self, trial):
        self.trials.append(trial)


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """The chapter after training two networks of ``RAN``, and those networks."""
    folder = tmp_path_factory.mktemp("again")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMBOOK_DATA", str(folder))
        patch.setenv("DERMBOOK_CACHE", str(folder / "cache"))
        lesions = load_collection("phantom", images=84, height=32, width=48, seed=0)
        split = load_split(lesions, seed=0)
        images = cached_images(lesions, height=24, width=32, progress=False)
        own = fine_tuning.train_best(RAN, lesions, split, images, checkpoints=folder / "own")
        chapter = Again(folder, own.predictions)
        trials = ensembles.train_again(chapter, [1, 2], minutes=1)
        once_more = ensembles.train_again(Again(folder / "twice"), [1], minutes=1)
    return SimpleNamespace(chapter=chapter, trials=trials, own=own, once_more=once_more)


def test_networks_trained_again_differ_by_the_seed_alone(again):
    names = ["tiny-fine-tuned-seed-1", "tiny-fine-tuned-seed-2"]
    assert [trial.name for trial in again.trials] == names
    assert again.chapter.trials == again.trials
    assert again.chapter.used[0][1].startswith("lesion-grouped")
    first, second = (trial.predictions["test"] for trial in again.trials)
    own = again.own.predictions["test"]
    assert first.data_fingerprint == own.data_fingerprint
    assert list(first.ids) == list(own.ids)
    assert np.abs(first.probabilities - second.probabilities).max() > 1e-4
    # the same seed gives the same numbers
    repeated = again.once_more[0].predictions["test"]
    np.testing.assert_allclose(repeated.probabilities, first.probabilities, atol=1e-6)


def test_the_table_of_seeds_scores_each_network_and_their_means(again):
    table = ensembles.seeds_table(again.chapter, again.trials, "accuracy", resamples=50)
    assert list(table["networks"]) == [1, 1, 1, 2, 3]
    tested = [again.own, *again.trials]
    members = [trial.predictions["test"] for trial in tested]
    truth = members[0].truth_codes
    by_hand = [accuracy_score(truth, each.probabilities.argmax(axis=1)) for each in members]
    mean = np.mean([each.probabilities for each in members], axis=0)
    by_hand.append(accuracy_score(truth, mean.argmax(axis=1)))
    np.testing.assert_allclose(table["test"].iloc[[0, 1, 2, 4]], by_hand)
    last = table.iloc[-1]
    assert last["gain"] == pytest.approx(by_hand[-1] - by_hand[0])
    assert last["gain_low"] <= last["gain"] <= last["gain_high"]
    assert table["gain"].isna().tolist() == [True, False, False, False, False]
    alone = ensembles.seeds_table(again.chapter, [], "accuracy", resamples=20)
    assert list(alone["model"]) == ["tiny-fine-tuned"]


def test_networks_trained_again_are_candidates(again):
    chapter = Again(again.chapter.output, again.own.predictions)
    chapter.needed_record = lambda source: SimpleNamespace(
        parameters=RAN, models={"tiny-fine-tuned": SimpleNamespace(classes=list(SEVEN))}
    )
    pools, table = ensembles.gather(chapter, (), again.trials)
    assert ensembles.seven(pools).names == ("tiny-fine-tuned", *(t.name for t in again.trials))
    assert set(table["chapter"]) == {"fine-tuning", "ensembles"}


@pytest.mark.parametrize("seeds", [[0], [1, 1]])
def test_seeds_that_would_train_the_same_network_are_refused(tmp_path, seeds):
    with pytest.raises(ParameterError, match="none of them 0"):
        ensembles.train_again(Again(tmp_path), seeds, minutes=1)
    assert ensembles.train_again(Again(tmp_path), [], minutes=1) == []


def test_networks_trained_again_join_the_official_ensemble(monkeypatch, tmp_path):
    several, own = pool("ab"), made("b", "test", seed=5)
    monkeypatch.setattr(official, "official_members", lambda *_: {"a": made("a", "test")})
    kept = []
    chapter = SimpleNamespace(
        add_predictions=kept.append,
        add_submission=lambda predictions: kept.append(predictions) or tmp_path / "sheet.csv",
        add_series=lambda name, frame: kept.append(frame),
        record=lambda: SimpleNamespace(metric=lambda *_: None),
    )
    monkeypatch.setattr(official, "measured_text", lambda _: "measured")
    block = ensembles.submit(chapter, several, "made", metric="accuracy", rounds=3, own={"b": own})
    assert "2 of 2 candidates" in block.markdown
    assert list(kept[-1]["model"]) == ["a", "b"]
    assert ensembles.predict_official(chapter, [], "made") == {}


def test_the_summary_tells_what_other_seeds_brought():
    frame = pd.DataFrame(
        {
            "model": ["net", "net-seed-1", "mean of 2"], "networks": [1, 1, 2],
            "validation": [0.6, 0.61, 0.65], "test": [0.678, 0.66, 0.7], "low": [0.6] * 3,
            "high": [0.8] * 3, "accuracy": [0.7] * 3, "gain": [np.nan, -0.018, 0.022],
            "gain_low": [np.nan, -0.05, 0.001], "gain_high": [np.nan, 0.02, 0.05],
        }
    )  # fmt: skip
    chosen = pd.DataFrame([{"rule": "mean", "metric": "balanced_accuracy"}])
    record = make_record(
        series={"seeds": series_columns(frame, "seeds"), "chosen": series_columns(chosen, "chosen")}
    )
    (sentence,) = _seeds(record)
    assert ".678, .660 on the test part; their mean has .700" in sentence
    assert "shown to be better" in sentence
    assert _seeds(make_record()) == []
