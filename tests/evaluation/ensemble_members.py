"""Made-up members of ensembles, for the tests of combining and of choosing."""

import numpy as np
import pandas as pd

from dermbook.evaluation import Predictions

THREE = ("mel", "nv", "bcc")


def predictions(values, truth, model="a", *, classes=THREE, groups=None, part="validation"):
    values = np.asarray(values, dtype="float64")
    ids = pd.Index([f"I{row:03d}" for row in range(len(values))], name="image_id")
    table = pd.DataFrame(values, index=ids, columns=list(classes))
    table.insert(0, "truth", np.array(classes, dtype=object)[list(truth)])
    table.insert(1, "group", list(ids) if groups is None else [f"L{group}" for group in groups])
    return Predictions(table, classes, model, part, "made", "0" * 64, True)


def library(models=8, n=200, *, seed=0, part="validation", skill=1.5, classes=THREE):
    """Models of rising skill on one sample, several photographs a lesion."""
    rng = np.random.default_rng(seed)
    k = len(classes)
    groups = rng.integers(0, n // 2, n)
    truth = rng.choice(k, n // 2, p=[0.2, 0.7, 0.1] if k == 3 else [0.7, 0.3])[groups]
    members = []
    for number in range(models):
        logits = rng.normal(0, 1, (n, k))
        logits[np.arange(n), truth] += skill * (number + 1) / models
        values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        members.append(
            predictions(values, truth, f"m{number}", groups=groups, part=part, classes=classes)
        )
    return members
