"""The source as a confounder: planted ties are found, independent columns are not."""

import numpy as np
import pandas as pd
import pytest

from dermbook.data import exploration
from dermbook.errors import DataError, ParameterError


def sites(n=400, seed=0):
    rng = np.random.default_rng(seed)
    site = rng.choice(["one", "two"], n, p=[0.7, 0.3])
    tied = np.where(rng.random(n) < 0.8, np.where(site == "one", "a", "b"), "c")
    table = pd.DataFrame({"site": site, "tied": tied, "free": rng.choice(list("xyz"), n)})
    table["gaps"] = pd.array(rng.integers(1, 7, n), dtype="Int64")
    table.loc[:49, "gaps"] = pd.NA
    return table


def test_a_planted_tie_stands_out_and_an_independent_column_does_not():
    table = sites()
    found = exploration.confounder_table(table, "site", ["tied", "free", "gaps"], permutations=99)
    rows = found.set_index("column")
    expected = exploration.cramers_v(table["site"], table["tied"])
    assert rows.loc["tied", "cramers_v"] == pytest.approx(expected)
    assert rows.loc["tied", "p_value"] == pytest.approx(1 / 100)
    assert rows.loc["tied", "cramers_v"] > 5 * rows.loc["tied", "permuted_highest"]
    assert rows.loc["free", "p_value"] > 0.02
    assert rows.loc["gaps", "images"] == 350
    assert rows.loc["gaps", "values"] == 6
    again = exploration.confounder_table(table, "site", ["tied", "free", "gaps"], permutations=99)
    pd.testing.assert_frame_equal(found, again)
    verdict = exploration.site_finding(found, ["tied"], phantom=False)["verdict"]
    assert verdict == "confirmed"
    free = found.assign(cramers_v=0.0)
    assert exploration.site_finding(free, ["tied"], phantom=False)["verdict"] == "not confirmed"
    phantom = exploration.site_finding(found, ["tied"], phantom=True)["verdict"]
    assert phantom == "cannot be compared"


def test_bad_columns_are_refused():
    table = sites()
    with pytest.raises(DataError, match="no column 'nowhere'"):
        exploration.confounder_table(table, "site", ["nowhere"])
    with pytest.raises(DataError, match="one value"):
        exploration.confounder_table(table.assign(site="one"), "site", ["tied"])
    with pytest.raises(ParameterError, match="permutations"):
        exploration.confounder_table(table, "site", ["tied"], permutations=0)


def test_the_clinical_phantom_has_the_nine_published_columns():
    from dermbook.data import load_collection

    photographs = load_collection("phantom-clinical", images=100, height=32, width=32)
    assert exploration.published_columns(photographs) == 9


def test_the_published_table_has_nine_columns(shared_data, monkeypatch, tmp_path):
    from types import SimpleNamespace

    files = list(shared_data.rglob("fitzpatrick17k.csv"))
    if not files:
        pytest.skip(f"needs fitzpatrick17k.csv in {shared_data}")
    folder = tmp_path / "data" / "fitzpatrick17k"
    folder.mkdir(parents=True)
    (folder / "published.csv").write_bytes(files[0].read_bytes())
    monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path / "data"))
    assert exploration.published_columns(SimpleNamespace(name="fitzpatrick17k")) == 9
