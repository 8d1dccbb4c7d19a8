"""Frozen features of filtered pictures: of the right pixels, and in a cache of their own."""

import numpy as np

from dermbook.data import Transform
from dermbook.models import Embedder, frozen_features


def test_features_after_a_transform_are_those_of_transformed_pictures(small_phantom):
    few = small_phantom.where(ids=small_phantom.ids[:5])
    inverted = Transform("inverted", 1, lambda image: 255 - image)
    options = {"height": 48, "width": 64, "weights": "random"}
    changed = frozen_features(few, "mobilenetv2", transform=inverted, progress=False, **options)
    assert "inverted-v1" in changed.path.name
    pictures = np.stack([few.image(image_id) for image_id in few.ids])
    embed = Embedder("mobilenetv2", **options)
    np.testing.assert_allclose(changed.values, embed(255 - pictures), rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(changed.values) - embed(pictures)).max() > 1e-3
    again = frozen_features(few, "mobilenetv2", transform=inverted, progress=False, **options)
    assert np.array_equal(again.values, changed.values)
