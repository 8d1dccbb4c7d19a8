"""Where a picture comes from, as a confounder: how much the source tells of the answer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.data.exploration.associations import v_of_counts
from dermbook.errors import DataError, ParameterError


def confounder_table(
    table: pd.DataFrame,
    column: str,
    others: Sequence[str],
    *,
    permutations: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """How closely a column is tied to others, beside what chance gives.

    table: one row an image; column: the suspected confounder, such as ``site``. For each of
    ``others``: Cramér's V (``cramers_v``) over the rows that have both values, and the same after
    the column's values have been shuffled, ``permutations`` times. Columns: column, values (of the
    other column), images, cramers_v, permuted (the mean of the shuffled ones), permuted_highest
    (the largest of them) and p_value, the share of shuffles, the real order counted in, that reach
    the real V.

    DataError for a column that is not there or has only one value; ParameterError for fewer than
    one permutation.
    """
    if permutations < 1:
        raise ParameterError(f"permutations: must be 1 or more, not {permutations}.")
    missing = [name for name in (column, *others) if name not in table.columns]
    if missing:
        raise DataError(f"confounder_table: there is no column {missing[0]!r}.")
    rng = np.random.default_rng(seed)
    rows = []
    for other in others:
        known = table[[column, other]].dropna().astype(str)
        first, second = (pd.factorize(known[name], sort=True)[0] for name in (column, other))
        shape = tuple(int(codes.max(initial=-1)) + 1 for codes in (first, second))
        if min(shape) < 2:
            raise DataError(f"confounder_table: {column} or {other} has one value only.")
        real = _v(first, second, shape)
        chance = [_v(rng.permutation(first), second, shape) for _ in range(permutations)]
        reached = 1 + int(np.sum(np.array(chance) >= real))
        numbers = (real, float(np.mean(chance)), float(np.max(chance)))
        rows.append((other, shape[1], len(known), *numbers, reached / (permutations + 1)))
    columns = ["column", "values", "images", "cramers_v", "permuted", "permuted_highest", "p_value"]
    return pd.DataFrame(rows, columns=columns)


def site_finding(table: pd.DataFrame, labels: Sequence[str], phantom: bool) -> dict[str, str]:
    """What ``confounder_table`` of the source site says of lesson M16, for ``Chapter.finding``.

    labels: the columns of it that a model may be asked for. Confirmed if the site is tied to one of
    them more closely than in any shuffle.
    """
    ties = table.set_index("column")
    texts = [
        f"{name.replace('_', ' ')} {row['cramers_v']:.2f} (shuffled at most "
        f"{row['permuted_highest']:.2f})"
        for name, row in ties.iterrows()
    ]
    tied = ties.loc[list(labels)]
    shown = bool((tied["cramers_v"] > tied["permuted_highest"]).any())
    verdict = "confirmed" if shown else "not confirmed"
    because = "the source site tells of the label more than any shuffle of it does"
    if not shown:
        because = "the source site tells no more of the label than a shuffle of it does"
    if phantom:
        verdict, because = "cannot be compared", "the phantom's sites are drawn, not observed"
    return {
        "verdict": verdict,
        "measured": "Cramér's V of the source site with " + ", ".join(texts),
        "because": because,
    }


def _v(first: np.ndarray, second: np.ndarray, shape: tuple[int, int]) -> float:
    counts = np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1])
    return v_of_counts(counts.reshape(shape).astype(float))
