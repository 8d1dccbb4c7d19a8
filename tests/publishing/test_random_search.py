"""The chapter's own pieces: who may see what, the grid, the trainings, the tables."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import cached_images, load_split, malignant_or_benign
from dermbook.errors import ParameterError
from dermbook.models.searched import WINNERS, network_options
from dermbook.publishing import random_search
from dermbook.training.search import space_size

MALIGNANT = ["mel", "bcc", "akiec"]
SMALL = {
    **{name: (values[0],) for name, values in random_search.GRID.items()},
    "filters": (2, 3),
    "pool": (2, 60),
    "units": (4,),
    "dropout": (0.1, 0.2),
}


@pytest.fixture(scope="module")
def lesions(small_phantom):
    return malignant_or_benign(small_phantom, MALIGNANT)


@pytest.fixture(scope="module")
def bench(lesions, small_phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMBOOK_CACHE", str(folder / "cache"))
        pixels = cached_images(small_phantom, height=24, width=32, progress=False)
    split = load_split(small_phantom, seed=0)
    return random_search.Bench(lesions, split, pixels, folder, 2, 2, 32, 0)


def test_two_classes_and_what_is_no_class(lesions, small_phantom):
    assert lesions.classes == ("benign", "malignant")
    expected = small_phantom.table["label"].isin(MALIGNANT)
    pd.testing.assert_series_equal(
        lesions.table["label"] == "malignant", expected, check_names=False
    )
    with pytest.raises(ParameterError, match="'melanoma' is no class"):
        malignant_or_benign(small_phantom, ["melanoma"])
    with pytest.raises(ParameterError, match="at least one class"):
        malignant_or_benign(small_phantom, [])


def test_a_thinned_split_keeps_parts_lesions_and_the_test(lesions):
    split = load_split(lesions, seed=0)
    part = random_search.thinned(split, lesions, 60, seed=1)
    group = lesions.table["group"]
    assert part.parts["test"] == split.parts["test"]
    for name in ("train", "validation"):
        kept, all_of = set(part.parts[name]), set(split.parts[name])
        assert kept < all_of
        lesions_kept = set(group[list(kept)])
        assert {i for i in all_of if group[i] in lesions_kept} == kept
    total = len(part.parts["train"]) + len(part.parts["validation"])
    assert 60 <= total <= 70
    assert random_search.thinned(split, lesions, 0) is split
    assert random_search.thinned(split, lesions, 10**6) is split
    assert random_search.thinned(split, lesions, 60, seed=2).parts != part.parts
    with pytest.raises(ParameterError, match="search_images"):
        random_search.thinned(split, lesions, -1)


def test_the_grid_holds_both_winners():
    for winner in WINNERS.values():
        for name, value in winner.items():
            assert value in random_search.GRID[name]
            assert type(value) in {type(each) for each in random_search.GRID[name]}
    assert space_size(random_search.GRID) > 10_000
    wider = random_search.grid([16, 32, 64])
    assert wider["filters"] == (16, 32, 64)
    with pytest.raises(ParameterError, match="16 is missing"):
        random_search.grid([32, 64])
    table = random_search.grid_table().set_index("parameter")
    assert table.loc["optimizer", "r1-winner-2"] == "rmsprop"
    assert table.loc["padding", "r1-winner-1"] == "not said"


def test_a_search_is_chosen_repeated_and_taken_apart(bench):
    found = random_search.run_search(bench, SMALL, trials=2, pruned_after=0)
    table = found.table
    assert set(table["outcome"]) >= {"complete", "impossible"}
    assert (table.loc[table["pool"] == 60, "outcome"] != "complete").all()
    assert "62×62 pixels" in table.loc[table["outcome"] == "impossible", "reason"].iloc[0]
    candidates = found.candidates()
    assert [each.ids == bench.split.parts["validation"] for each in candidates] == [True, True]
    assert not list(found.folder.glob("*.npz"))

    # the best one, trained again on the same bench, has the score that the search noted
    again = bench.train(random_search.WITHIN, found.setting)
    winner = random_search.winner_again(found, again)
    assert winner["value"][0] == pytest.approx(winner["value"][1], abs=1e-12)
    assert winner["part"].tolist() == ["validation", "validation", "test"]

    slices = random_search.slices(found)
    assert len(slices[slices["parameter"] == "kernel"]) == 2
    assert slices.loc[slices["choice"] == "60", "outcome"].tolist() == ["never trained"]
    searches = {"random": found}
    assert random_search.outcomes(searches)["draws"].sum() == len(table)
    assert random_search.best_found(searches) is found
    assert random_search.curves(searches).groupby("draw").size().tolist() == [2, 2]
    assert set(random_search.importance_table(found)["parameter"]) <= set(SMALL)
    random_search.clear(searches)
    assert not found.folder.exists()


def test_finalists_are_trained_alike_and_compared_in_pairs(bench, monkeypatch):
    small = {
        name: {**setting, "conv_count": 1, "filters": 2, "units": 4}
        for name, setting in WINNERS.items()
    }
    monkeypatch.setattr("dermbook.evaluation.searching.WINNERS", small)
    setting = small["r1-winner-1"]
    finalists = random_search.train_finalists(bench, setting, [0, 5])
    assert {name: [trial.name for trial in trials] for name, trials in finalists.items()} == {
        name: [name, f"{name}-seed5"] for name in ("r1-found", "r1-winner-1", "r1-winner-2")
    }
    assert all(set(t.predictions) == {"validation", "test"} for t in finalists["r1-found"])
    scores, effects = random_search.final_tables(finalists, [0, 5], resamples=40)
    found = scores.set_index(["model", "metric"])["value"]
    # the same setting under the same seeds is the same network: no difference, no width
    same = effects[effects["comparison"] == "r1-found against r1-winner-1"]
    assert (same[["value", "low", "high"]] == 0).all(axis=None)
    other = effects.set_index(["comparison", "metric"]).loc[
        ("r1-found against r1-winner-2", "roc_auc")
    ]
    assert other["value"] == pytest.approx(
        found["r1-found", "roc_auc"] - found["r1-winner-2", "roc_auc"]
    )
    assert other["low"] <= other["value"] <= other["high"]
    with pytest.raises(ParameterError, match="final_seeds"):
        random_search.train_finalists(bench, setting, [])


def test_the_winners_can_be_built_at_the_size_of_the_chapter():
    from dermbook.models import spec

    for setting in WINNERS.values():
        about = spec("r1-searched")
        least = about.smallest_input(**{**about.options, **network_options(setting)})
        assert np.max(least) <= 54
