"""What the chapter on generation says of its numbers, and that real pictures are not drawn."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from records import make_record

from dermbook.data import cached_images, load_split
from dermbook.errors import DataError
from dermbook.evaluation.generation import eyes, of_class
from dermbook.evaluation.generation.cases import copied
from dermbook.publishing import generation, summaries


def row(value, low, high):
    return pd.Series({"value": value, "low": low, "high": high})


def test_the_verdict_follows_the_interval():
    assert generation.gain_verdict(row(0.1, 0.02, 0.2), phantom=False)[0] == "confirmed"
    assert generation.gain_verdict(row(-0.1, -0.2, -0.02), phantom=False)[0] == "not confirmed"
    undecided, because = generation.gain_verdict(row(0.1, -0.02, 0.2), phantom=False)
    assert undecided == "cannot be compared"
    assert "holds zero" in because
    assert "phantom" in generation.gain_verdict(row(0.1, 0.02, 0.2), phantom=True)[1]
    with pytest.raises(DataError, match="undefined"):
        generation.gain_verdict(row(0.1, np.nan, np.nan), phantom=False)


def test_a_class_is_counted_in_every_part(small_phantom):
    split = load_split(small_phantom, seed=0)
    found = generation.class_sizes("bkl", small_phantom, {0: split}).iloc[0]
    table = small_phantom.table
    assert sum(found[f"{part} images"] for part in split.parts) == (table["label"] == "bkl").sum()
    assert (
        sum(found[f"{part} lesions"] for part in split.parts)
        == table.loc[table["label"] == "bkl", "group"].nunique()
    )


def test_real_pictures_are_never_drawn():
    real = SimpleNamespace(phantom=False, name="ham10000")
    block = generation.picture(None, None, real, None)
    assert "not" in block.markdown or "Neither" in block.markdown


def test_copies_go_through_the_images_in_turn(small_phantom):
    images = cached_images(small_phantom, height=16, width=24, progress=False)
    ids = of_class("bkl", small_phantom, load_split(small_phantom, seed=0), "train")[:3]
    made, origins = copied(images, ids, 7, "r3-mirror", 0)
    assert made.shape == (7, 16, 24, 3)
    assert list(origins) == [*ids, *ids, ids[0]]
    # a second copy of a picture is another one
    assert (made[0] != made[3]).any()
    same, _ = copied(images, ids, 7, "r3-mirror", 0)
    np.testing.assert_array_equal(made, same)


def test_pixels_see_the_collection_and_new_pictures_alike(small_phantom):
    size = {"height": 16, "width": 24, "look_height": 32, "look_width": 32}
    seen = eyes(small_phantom, "pixels", **size)
    pictures = cached_images(small_phantom, height=16, width=24, progress=False)
    np.testing.assert_allclose(
        seen.look(pictures.take(small_phantom.ids[:5])), seen.vectors.iloc[:5]
    )


def test_the_summary_says_how_few_and_what_was_gained():
    def series(**columns):
        return {name: list(values) for name, values in columns.items()}

    effects = [
        (name, metric, class_, 0.1, low, 0.2)
        for name, low in (
            ("generated − nothing", 0.05), ("generated − oversampling", -0.05),
            ("generated − augmented", -0.05),
        )
        for metric, class_ in (("recall", "df"), ("f1", "df"), ("balanced_accuracy", None))
    ]  # fmt: skip
    columns = ["comparison", "metric", "class", "value", "low", "high"]
    record = make_record(
        chapter="generation",
        parameters={"target": "df"},
        series={
            "class-sizes": series(**{
                "train images": [80, 82], "train lesions": [51, 51], "test images": [17, 16],
                "test lesions": [11, 11],
            }),
            "likeness-summary": series(
                space=["pixels", "features"], set=["generated"] * 2, nearer=[0.9, 0.5],
                low=[0.8, 0.4], high=[0.95, 0.6],
            ),
            "frechet": series(
                set=["real images", "generated", "untrained generator"], images=[40] * 3,
                median=[1.0, 5.0, 90.0],
            ),
            "adversarial-curves": series(
                model=["a", "a", "b"], step=[1, 2, 2], score_training=[0.0, 0.8, 1.0],
                score_held_out=[0.0, 0.2, 0.4], score_generated=[0.0, -0.5, -0.7],
            ),
            "effects": pd.DataFrame(effects, columns=columns).to_dict("list"),
        },
    )  # fmt: skip
    text = " ".join(summaries.generation(record))
    assert "80 to 82 images of 51 lesions" in text
    assert "+0.90, held-out ones +0.30" in text
    assert "differ by +0.60" in text
    assert "nearer than new images are" in text
    assert "as new as these" in text
    assert "generated − nothing (df" in text
    assert text.count("(shown)") == 3
    assert text.count("(not shown)") == 6
