"""The search: what is drawn, killed, shared, stopped and counted; and what its table says."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from searching import SPACE, objective, plan, too_big, value_of

from dermbook.errors import DataError, ParameterError
from dermbook.training.search import (
    DivergedError,
    Plan,
    best_row,
    expected_maximum,
    forget,
    importances,
    outcome_counts,
    search,
    search_course,
    search_curves,
    setting_key,
    setting_of,
    space_size,
)

SCRIPT = Path(__file__).with_name("searching.py")
TIMED = ["seconds", "attempts"]


def began(folder):
    return (folder / "began.txt").read_text(encoding="utf-8").split()


def run(folder, trials=6, what=None, **options):
    return search(
        objective(folder), what or plan(), folder, trials=trials, impossible=too_big, **options
    )


def process(folder, trials, *rest):
    command = [sys.executable, str(SCRIPT), str(folder), str(trials), *map(str, rest)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A search of 12 trainings that nothing disturbed."""
    return run(tmp_path_factory.mktemp("straight"), trials=12)


# ---- what is drawn


def test_a_draw_depends_on_seed_and_number_only(straight, tmp_path):
    other = run(tmp_path / "other", trials=1)
    pd.testing.assert_frame_equal(
        other.drop(columns=TIMED), straight.head(len(other)).drop(columns=TIMED)
    )
    changed = run(tmp_path / "changed", trials=3, what=plan(seed=5))
    assert list(changed["key"]) != list(straight["key"].head(len(changed)))
    for name, values in SPACE.items():
        assert set(straight[name]) <= set(values)


def test_scores_impossible_and_repeated_are_all_accounted_for(tmp_path):
    # 8 combinations, of which one is impossible; all others are wanted
    space = {"a": [1, 2, 3, 4], "b": ["y"], "c": [0.1], "d": [True, False]}
    tiny = Plan(space, seed=1, pruned_after=0)
    table = run(tmp_path, trials=7, what=tiny)
    counts = outcome_counts(table).set_index("outcome")["draws"]
    assert counts["complete"] == 7 == len(began(tmp_path)) == len(set(began(tmp_path)))
    assert counts.sum() == len(table) == table["draw"].max() + 1
    # more than there are: the search ends by itself, and has met the impossible one
    table = run(tmp_path, trials=9, what=tiny)
    assert (table["outcome"] == "complete").sum() == 7 == len(began(tmp_path))
    (never,) = [row for _, row in table.iterrows() if row["outcome"] == "impossible"]
    assert (never["a"], never["d"], never["reason"]) == (4, True, "nothing is left")
    assert np.isnan(never["value"])
    repeated = table[table["outcome"] == "repeated"]
    assert len(repeated) == len(table) - 8
    for _, row in repeated.iterrows():
        first = table.loc[int(row["reason"].split()[-1])]
        assert first["key"] == row["key"]
        assert first["draw"] < row["draw"]
        assert first["outcome"] != "repeated"
    complete = table[table["outcome"] == "complete"]
    np.testing.assert_allclose(complete["value"], [value_of(r) for _, r in complete.iterrows()])
    assert best_row(table)["value"] == pytest.approx(0.4 + 0.3 - 0.1 / 7)


def test_tpe_finds_more_good_ones_than_chance(tmp_path):
    def near_the_middle(training):
        return -sum((value - 4) ** 2 for value in training.setting.values())

    space = {name: list(range(9)) for name in "pqrs"}
    tables = {
        sampler: search(
            near_the_middle,
            Plan(space, sampler=sampler, unpruned=8, pruned_after=0),
            tmp_path,
            trials=24,
        )
        for sampler in ("random", "tpe")
    }
    # its first draws are random; then it learns
    pd.testing.assert_series_equal(tables["tpe"]["key"].head(8), tables["random"]["key"].head(8))
    later = {name: table["value"].tail(12).mean() for name, table in tables.items()}
    assert later["tpe"] > later["random"]


# ---- budgets


def test_minutes_count_over_calls(tmp_path):
    slow = objective(tmp_path, pause=0.05)
    first = search(slow, plan(), tmp_path, trials=50, minutes=0.3 / 60)
    assert 1 <= len(first) < 10
    again = search(slow, plan(), tmp_path, trials=50, minutes=0.3 / 60)
    assert len(again) == len(first)


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"trials": 2.5}, {"trials": 3, "minutes": 0}])
def test_budgets_out_of_range(tmp_path, wrong):
    with pytest.raises(ParameterError, match="trials must be"):
        search(objective(tmp_path), plan(), tmp_path, **wrong)


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        ({}, {}, "at least one parameter"),
        ({"a": []}, {}, "a must have a non-empty list"),
        ({"a": "xyz"}, {}, "a must have a non-empty list"),
        ({"a": [1, 1]}, {}, "a has a value twice"),
        ({"a": [None, 1]}, {}, "numbers, texts or booleans"),
        ({"a": [1]}, {"sampler": "grid"}, "sampler must be one of random, tpe"),
        ({"a": [1]}, {"seed": -1}, "seed must be"),
        ({"a": [1]}, {"pruned_after": 1.5}, "pruned_after must be"),
    ],
)
def test_plans_that_are_refused(space, options, message):
    with pytest.raises(ParameterError, match=message):
        Plan(space, **options)


def test_another_plan_is_another_study(tmp_path):
    run(tmp_path, trials=3)
    run(tmp_path, trials=3, what=plan(about={"epochs": 9}))
    assert len(began(tmp_path)) == 6
    run(tmp_path, trials=3)
    assert len(began(tmp_path)) == 6
    forget(tmp_path)
    assert not tmp_path.exists()


# ---- kills and company


def test_a_killed_search_goes_on_with_the_same_draws(straight, tmp_path):
    killed = process(tmp_path, 12, "kill", 2, 6)
    output, _ = killed.communicate(timeout=180)
    assert killed.returncode == -9, output
    assert len(began(tmp_path)) == 6
    dead = began(tmp_path)[-1]
    table = run(tmp_path, trials=12)
    pd.testing.assert_frame_equal(
        table.drop(columns=[*TIMED, "reason"]), straight.drop(columns=[*TIMED, "reason"])
    )
    assert began(tmp_path).count(dead) == 2
    assert len(began(tmp_path)) == 13
    trained = table[table["outcome"] == "complete"].set_index("key")["attempts"]
    assert trained[dead] == 2
    assert trained.drop(dead).eq(1).all()
    # what the dead one had reported is kept, and nothing is reported twice
    curve = search_curves(plan(), tmp_path).groupby("draw")["epoch"].apply(list)
    assert all(epochs == [1, 2, 3] for epochs in curve)


def test_two_processes_share_one_study(straight, tmp_path):
    both = [process(tmp_path, 12), process(tmp_path, 12)]
    outputs = [each.communicate(timeout=180)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], outputs
    assert len(began(tmp_path)) == len(set(began(tmp_path))) == 12
    table = run(tmp_path, trials=12)
    assert len(began(tmp_path)) == 12
    pd.testing.assert_frame_equal(table.drop(columns=TIMED), straight.drop(columns=TIMED))


def test_half_a_line_at_the_end_is_cut_off(straight, tmp_path):
    run(tmp_path, trials=5)
    (journal,) = tmp_path.glob("*.journal")
    with journal.open("ab") as stream:
        stream.write(b'{"op_code":5,"worker_id":"3f')
    table = run(tmp_path, trials=12)
    pd.testing.assert_frame_equal(table.drop(columns=TIMED), straight.drop(columns=TIMED))


def test_an_objective_that_fails_is_tried_three_times(tmp_path):
    tried = []

    def fails(training):
        tried.append(training.key)
        raise RuntimeError("out of memory")

    for _ in range(3):
        with pytest.raises(RuntimeError, match="out of memory"):
            search(fails, plan(), tmp_path, trials=2)
    assert len(set(tried)) == 1
    table = run(tmp_path, trials=2)
    assert list(table["outcome"]) == ["failed", "complete"]
    assert table["reason"][0] == "died 3 times"


# ---- stopping early


def test_what_is_below_the_median_is_stopped(tmp_path):
    table = run(tmp_path, trials=20, what=plan(pruned_after=2, unpruned=4))
    trained = table[table["outcome"].isin(["complete", "pruned"])].reset_index(drop=True)
    assert (trained["outcome"].head(4) == "complete").all()
    pruned = trained[trained["outcome"] == "pruned"]
    assert len(pruned) > 2
    assert (pruned["steps"] == 2).all()
    settings = [value_of(row) for _, row in trained.iterrows()]
    for at, row in trained.iloc[4:].iterrows():
        done = [v for v, o in zip(settings[:at], trained["outcome"][:at], strict=True)
                if o == "complete"]  # fmt: skip
        assert (row["outcome"] == "pruned") == (settings[at] < np.median(done))
    assert best_row(table)["value"] == max(settings)


def test_a_diverged_training_counts_and_is_never_the_best(tmp_path):
    def sometimes(training):
        if training.setting["b"] == "x":
            raise DivergedError
        return float("nan") if training.setting["b"] == "y" else 0.5

    table = search(sometimes, plan(), tmp_path, trials=12)
    trained = table[table["outcome"] != "repeated"]
    assert set(trained["outcome"]) == {"complete", "diverged"}
    assert len(trained) == 12
    assert ((trained["b"] == "z") == (trained["outcome"] == "complete")).all()
    assert best_row(table)["b"] == "z"
    everything = search(lambda t: float("nan"), plan(seed=8), tmp_path, trials=3)
    with pytest.raises(DataError, match="no complete training"):
        best_row(everything)


# ---- what the table says


def test_settings_have_the_values_of_the_space(straight):
    row = best_row(straight)
    setting = setting_of(row, SPACE)
    assert setting_key(setting) == row["key"]
    assert type(setting["d"]) is bool
    assert setting_key(dict(reversed(setting.items()))) == row["key"]
    assert space_size(SPACE) == 48


def test_the_expected_maximum_is_the_mean_over_all_subsets():
    values = np.array([0.3, 0.9, 0.5, 0.5, 0.1, 0.7])
    found = expected_maximum(values)
    for n in range(1, 7):
        maxima = np.sort([max(subset) for subset in itertools.combinations(values, n)])
        row = found.iloc[n - 1]
        assert row["expected"] == pytest.approx(maxima.mean())
        low, high = np.quantile(maxima, [0.025, 0.975], method="inverted_cdf")
        assert (row["low"], row["high"]) == (low, high)
    assert found["expected"].is_monotonic_increasing
    assert expected_maximum(np.array([])).empty


def test_the_course_counts_complete_trainings_only_as_best():
    table = pd.DataFrame(
        {
            "draw": [0, 1, 2, 3, 4],
            "outcome": ["pruned", "complete", "impossible", "pruned", "complete"],
            "value": [0.9, 0.5, np.nan, 0.8, 0.6],
        }
    )
    course = search_course(table)
    assert list(course["draw"]) == [0, 1, 3, 4]
    np.testing.assert_array_equal(course["best"], [np.nan, 0.5, 0.5, 0.6])
    np.testing.assert_allclose(course["expected"], [0.55, 0.6, np.nan, np.nan])


def scored(count, score, seed=0):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.choice(values, count) for name, values in SPACE.items()})
    return table.assign(outcome="complete", value=[score(row, rng) for _, row in table.iterrows()])


def test_importance_finds_what_matters_and_no_more():
    matters = importances(scored(40, lambda row, rng: row["a"] + 0.1 * rng.random()), SPACE)
    first = matters.iloc[0]
    assert first["parameter"] == "a"
    assert first["importance"] > 0.8
    assert list(matters[matters["shown"]]["parameter"]) == ["a"]
    assert matters["enough"].all()
    assert matters["importance"].sum() == pytest.approx(1)
    noise = importances(scored(40, lambda row, rng: rng.random(), seed=2), SPACE)
    assert noise["shown"].sum() <= 1
    assert not importances(scored(6, lambda row, rng: row["a"]), SPACE)["enough"].any()
    assert importances(scored(6, lambda row, rng: 0.5), SPACE).empty
