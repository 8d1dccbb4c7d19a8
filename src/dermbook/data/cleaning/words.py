"""Candidates by visual words: images that share rare fine structure, however turned or cropped.

The keypoints of all images are sorted into a vocabulary (k-means), an image becomes the list of
its words, and images that share rare words are proposed (Sivic and Zisserman 2003). Unlike a hash
or one vector a picture, this survives turning, zooming and cropping.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dermbook.data.cleaning.evidence import Keypoints
from dermbook.data.cleaning.neighbours import nearest_pairs
from dermbook.errors import ParameterError

_SAMPLE = 60_000
_CHUNK = 10_000
_ROUNDS = 4


def word_vectors(
    features: Mapping[str, Keypoints], *, words: int = 4096, seed: int = 0
) -> np.ndarray:
    """Each image as weighted counts of its visual words, float32 (n, words), rows of length 1.

    Row i is the i-th image of ``features``; an image without keypoints is a row of zeros. Counts
    enter by their square root, and a word by the logarithm of how rare it is (inverse document
    frequency). ParameterError for fewer than 2 words or fewer keypoints than words.
    """
    descriptors = np.concatenate([found.descriptors for found in features.values()])
    if not 2 <= words <= len(descriptors):
        raise ParameterError(f"words={words}: must be 2 to {len(descriptors)} (all keypoints).")
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(descriptors))[: max(words, min(_SAMPLE, 20 * words))]
    word = _nearest(descriptors, _vocabulary(descriptors[chosen], words))
    owner = np.repeat(np.arange(len(features)), [len(f.points) for f in features.values()])
    vectors = np.zeros((len(features), words), np.float32)
    np.add.at(vectors, (owner, word), 1)
    np.sqrt(vectors, out=vectors)
    present = (vectors > 0).sum(axis=0)
    vectors *= np.log(len(features) / np.maximum(present, 1)).astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def word_pairs(
    features: Mapping[str, Keypoints], *, neighbours: int = 10, words: int = 4096, seed: int = 0
) -> pd.DataFrame:
    """Each image with the ``neighbours`` that share most of its rare words.

    Columns: image_id, other, cosine (of ``word_vectors``, 0..1); the closest first.
    """
    vectors = word_vectors(features, words=words, seed=seed)
    return nearest_pairs([vectors], list(features), neighbours=neighbours)


def _vocabulary(sample: np.ndarray, words: int) -> np.ndarray:
    """``words`` centres of a sample in random order, by a few rounds of k-means (Lloyd 1982)."""
    centres = sample[:words].copy()
    for _ in range(_ROUNDS):
        word = _nearest(sample, centres)
        order = np.argsort(word, kind="stable")
        present, starts = np.unique(word[order], return_index=True)
        sums = np.add.reduceat(sample[order], starts, axis=0)
        centres[present] = sums / np.bincount(word)[present, None]  # a word that lost all stays
    return centres


def _nearest(descriptors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    half = (centres**2).sum(axis=1) / 2
    return np.concatenate(
        [
            (descriptors[start : start + _CHUNK] @ centres.T - half).argmax(axis=1)
            for start in range(0, len(descriptors), _CHUNK)
        ]
    )
