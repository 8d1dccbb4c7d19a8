"""What half-precision numbers and a compiled step gain and cost, on this machine and backend."""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import pandas as pd

from dermbook.data import Batches, CachedImages, Collection, Split
from dermbook.evaluation.predictions import Predictions
from dermbook.models.transfer import build_transfer
from dermbook.training import predict_probabilities, seed_everything

#: what the table says where Keras would silently have run the plain step
NOT_COMPILED = "not compiled: TensorFlow refuses it once deterministic operations are on"
POLICIES = ("float32", "mixed_bfloat16", "mixed_float16")


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers built inside compute in this policy; afterwards the policy is what it was before."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def speeds(
    base: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    *,
    policies: Sequence[str] = POLICIES[:2],
    compiled: Sequence[bool] = (False, True),
    steps: int = 10,
    batch_size: int = 16,
    learning_rate: float = 1e-4,
    validated: int = 200,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """A few steps of fine-tuning under each policy, with and without compilation (XLA).

    Columns: policy, compiled, first (seconds of the first step, which traces and compiles), step
    (median seconds of the others), loss (mean of the last half of the steps), balanced_accuracy (on
    ``validated`` validation images), error (why it could not be run here, else empty). All begin
    with the same weights and see the same images.
    """
    rows = []
    for policy in policies:
        for jit in compiled:
            row: dict[str, Any] = {"policy": policy, "compiled": bool(jit), "error": ""}
            try:
                with precision(policy):
                    row |= _one(
                        base, collection, split, images, bool(jit), steps, batch_size,
                        learning_rate, validated, seed, options,
                    )  # fmt: skip
            except Exception as error:
                # a backend's own error for an operation that it lacks; anything else is ours
                if type(error).__module__.split(".")[0] not in ("tensorflow", "jax", "jaxlib"):
                    raise
                row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"
            rows.append(row)
    columns = ["policy", "compiled", "first", "step", "loss", "balanced_accuracy", "error"]
    return pd.DataFrame(rows).reindex(columns=columns)


def _one(
    base: str,
    collection: Collection,
    split: Split,
    images: CachedImages,
    jit: bool,
    steps: int,
    batch_size: int,
    learning_rate: float,
    validated: int,
    seed: int,
    options: dict[str, Any],
) -> dict[str, Any]:
    from sklearn.metrics import balanced_accuracy_score

    seed_everything(seed)
    outputs = 1 if len(collection.classes) == 2 else len(collection.classes)
    model = build_transfer(base, (*images.images.shape[1:3], 3), outputs, seed=seed, **options)
    loss = "binary_crossentropy" if outputs == 1 else "sparse_categorical_crossentropy"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*jit_compile=True.*")
        model.compile(keras.optimizers.Adam(learning_rate), loss, jit_compile=jit)
    if jit and not model.jit_compile:
        # the step would run uncompiled, and its seconds would stand under the wrong name
        return {"error": NOT_COMPILED}
    ids = split.parts["train"]
    batches = Batches(
        images, ids, collection.codes(ids), batch_size=batch_size, shuffle=True, seed=seed
    )
    whole = max(1, len(ids) // batch_size)
    seconds, losses = [], []
    for step in range(steps):
        model.reset_metrics()
        x, y = batches.batch(step % whole)
        began = time.perf_counter()
        losses.append(float(model.train_on_batch(x, y, return_dict=True)["loss"]))
        seconds.append(time.perf_counter() - began)
    judged = split.parts["validation"][:validated]
    found = Predictions.from_probabilities(
        judged,
        predict_probabilities(model, images, judged, batch_size, progress=False),
        collection,
        model="speed",
        part="validation",
    )
    return {
        "first": seconds[0],
        "step": float(np.median(seconds[1:] or seconds)),
        "loss": float(np.mean(losses[len(losses) // 2 :])),
        "balanced_accuracy": balanced_accuracy_score(found.truth_codes, found.predicted_codes),
    }
