"""What the chapter on generation found."""

import pandas as pd

from dermbook.publishing.effects import with_interval
from dermbook.publishing.record import Record


def generation(record: Record) -> list[str]:
    """How much there was to learn from, whether it was learned by heart, and what it is worth."""
    target = str(record.parameters["target"])
    sizes = record.series_frame("class-sizes")
    like = record.series_frame("likeness-summary").set_index(["space", "set"])
    distances = record.series_frame("frechet").set_index("set")
    effects = record.series_frame("effects")
    curves = record.series_frame("adversarial-curves")
    return [
        f"{len(sizes)} generators learned {target} from {_range(sizes['train images'])} images of "
        f"{_range(sizes['train lesions'])} lesions each; {_range(sizes['test images'])} images of "
        f"{_range(sizes['test lesions'])} lesions tested each split.",
        _scores(curves),
        *(_near(like.loc[(space, "generated")], space) for space in ("pixels", "features")),
        _distance(distances),
        *_differences(effects, target),
    ]


def _scores(curves: pd.DataFrame) -> str:
    last = curves.groupby("model").last()
    known, new, made = (
        last[f"score_{kind}"].mean() for kind in ("training", "held_out", "generated")
    )
    return (
        f"At the end the discriminators score training images {known:+.2f}, held-out ones "
        f"{new:+.2f} and generated ones {made:+.2f} on average: the first two differ by "
        f"{known - new:+.2f}, which is what the discriminators know by heart."
    )


def _near(row: pd.Series, space: str) -> str:
    verdict = "as new as these, as far as can be told"
    if row["low"] > 0.5:
        verdict = "nearer than new images are"
    if row["high"] < 0.5:
        verdict = "further off than new images are"
    return (
        f"In {space}, a generated image is nearer to its nearest training image than a held-out "
        f"image is to its own in {row['nearer']:.2f} ({row['low']:.2f}–{row['high']:.2f}) of "
        f"pairs, .5 being chance: {verdict}."
    )


def _distance(distances: pd.DataFrame) -> str:
    floor, made = (distances.loc[name] for name in ("real images", "generated"))
    first = distances.loc["untrained generator"]
    return (
        f"The Fréchet distance of generated images to {int(made['images'])} real ones is "
        f"{made['median']:.3g}, against {floor['median']:.3g} between two halves of the real ones "
        f"and {first['median']:.3g} for a generator that has not been trained."
    )


def _differences(effects: pd.DataFrame, target: str) -> list[str]:
    sentences = []
    for name in ("generated − nothing", "generated − oversampling", "generated − augmented"):
        of = effects[effects["comparison"] == name]
        texts = [
            f"{row['metric'].replace('_', ' ')} {with_interval(row)}"
            + (" (shown)" if row["low"] > 0 or row["high"] < 0 else " (not shown)")
            for _, row in of.iterrows()
            if row["metric"] in ("recall", "f1", "balanced_accuracy")
        ]
        sentences.append(f"{name} ({target}; balanced accuracy of all): {', '.join(texts)}.")
    return sentences


def _range(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"
