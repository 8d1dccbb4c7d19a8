"""What several tests of this folder use; a module may have its own of the same name."""

import numpy as np
import pytest

from dermbook.data import grouped_split
from dermbook.evaluation import Predictions


@pytest.fixture(scope="module")
def predictions(small_phantom):
    """A model that guesses, on the test part of 210 phantom photographs."""
    ids = grouped_split(small_phantom, seed=0).parts["test"]
    rng = np.random.default_rng(0)
    return Predictions.from_probabilities(
        ids, rng.dirichlet(np.ones(7), len(ids)), small_phantom, model="tiny", part="test"
    )
