"""Suspicious labels: what a model that never saw an image thinks of the label it was given.

Every image is judged by a model trained on other lesions. A label in which that model has little
confidence is a suspicion, not an error: the model may be wrong, and the rarer a class the more
often it is. Northcutt, Jiang and Chuang (2021, "Confident learning") give the rule used here.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermbook.errors import DataError, ParameterError


def out_of_fold(
    vectors: np.ndarray,
    codes: np.ndarray,
    groups: Sequence[str],
    *,
    folds: int = 5,
    components: int = 128,
    regularisation: float = 0.1,
    seed: int = 0,
) -> np.ndarray:
    """Class probabilities of every image from a model that saw no photograph of its lesion.

    vectors: (n, d) finite. codes: int (n,), 0 … k−1. groups: lesion of each image. In each of
    ``folds`` folds (stratified by class, lesions whole) vectors are standardised, reduced to
    ``components`` main directions and given to a logistic regression with C = ``regularisation``;
    all three are fitted on the other folds. float64 (n, k), rows sum to 1; a class that the other
    folds lack gets 0.

    Raises DataError for a vector that is not finite or counts that differ, ParameterError for
    fewer than two folds.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    vectors, codes, groups = np.asarray(vectors), np.asarray(codes), np.asarray(groups, dtype=str)
    if not len(vectors) == len(codes) == len(groups):
        raise DataError(
            f"out_of_fold: {len(vectors)} vectors, {len(codes)} labels, {len(groups)} groups."
        )
    if not np.isfinite(vectors).all():
        raise DataError("out_of_fold: the vectors hold values that are not finite.")
    if folds < 2:
        raise ParameterError(f"folds: must be 2 or more, not {folds}.")
    result = np.zeros((len(codes), int(codes.max()) + 1))
    divide = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for train, held_out in divide.split(vectors, codes, groups):
        model = make_pipeline(
            StandardScaler(),
            PCA(min(components, vectors.shape[1], len(train)), random_state=seed),
            LogisticRegression(C=regularisation, max_iter=500),
        ).fit(vectors[train], codes[train])
        columns = model[-1].classes_
        result[np.ix_(held_out, columns)] = model.predict_proba(vectors[held_out])
    return result


def suspicions(
    probabilities: np.ndarray, codes: np.ndarray, ids: Sequence[str], classes: Sequence[str]
) -> pd.DataFrame:
    """Every image by how little its label is believed, the least believed first.

    Columns: image_id, label, suggested (the most probable other class), confidence (probability of
    the given label, 0..1), margin (confidence − probability of ``suggested``, −1..1), and
    ``flagged``: whether confident learning counts the label as an error. That rule takes as the
    threshold of a class the mean probability of it among images labelled so; among the classes
    whose threshold an image reaches, the most probable one is its likely label, and the image is
    flagged when that is not the given one (Northcutt et al. 2021, section 3.1).
    """
    probabilities, codes = np.asarray(probabilities, dtype=np.float64), np.asarray(codes)
    if probabilities.shape != (len(codes), len(classes)) or len(ids) != len(codes):
        raise DataError(
            f"suspicions: probabilities {probabilities.shape} for {len(codes)} labels of "
            f"{len(classes)} classes and {len(ids)} ids."
        )
    rows, names = np.arange(len(codes)), np.asarray(classes, dtype=object)
    given = probabilities[rows, codes]
    rest = probabilities.copy()
    rest[rows, codes] = -1
    other = rest.argmax(axis=1)
    threshold = np.array(
        [
            probabilities[codes == k, k].mean() if (codes == k).any() else np.inf
            for k in range(len(classes))
        ]
    )
    reached = np.where(probabilities >= threshold, probabilities, -1)
    likely = reached.argmax(axis=1)
    flagged = (reached.max(axis=1) >= 0) & (likely != codes)
    frame = pd.DataFrame(
        {
            "image_id": np.asarray(ids, dtype=object),
            "label": names[codes],
            "suggested": names[other],
            "confidence": given,
            "margin": given - rest[rows, other],
            "flagged": flagged,
        }
    )
    return frame.sort_values(["margin", "image_id"], ignore_index=True, kind="stable")


def suspicion_counts(table: pd.DataFrame, suspected: pd.DataFrame, column: str) -> pd.DataFrame:
    """How many images of each value of ``column`` are flagged.

    table: a collection's table. Columns: category, images, flagged, share (0..1); missing values
    count as "unknown".
    """
    if column not in table.columns:
        raise DataError(f"suspicion_counts: the table has no column {column!r}.")
    flagged = suspected.set_index("image_id")["flagged"].reindex(table.index)
    values = table[column].astype("object").fillna("unknown").map(str)
    grouped = flagged.astype(bool).groupby(values.rename("category"))
    frame = pd.DataFrame({"images": grouped.size(), "flagged": grouped.sum().astype("int64")})
    frame["share"] = frame["flagged"] / frame["images"]
    return frame.reset_index()
