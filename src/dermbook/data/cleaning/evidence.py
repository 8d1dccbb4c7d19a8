"""Is a pair the same photograph, the same lesion, or neither? Local features decide.

Hashes and embeddings propose pairs; most proposals are merely alike. Here the fine structure
must agree: keypoints of one picture (SIFT, Lowe 2004; compared after the square root, Arandjelović
and Zisserman 2012) are matched with the other's, and a similarity transform (shift, turn, zoom)
must carry many of them at once onto their partners (RANSAC, Fischler and Bolles 1981). Five
matches fit by chance; every further one is about ten times rarer.

After the first picture was laid on the second, ``evidence`` measures how alike they are: numbers
stand for the pair, so no picture needs to be shown.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from dermbook.data.cache import resize
from dermbook.data.cleaning.pairs import check_pairs
from dermbook.data.collection import Collection
from dermbook.errors import DataError, ParameterError

#: distance of descriptors (of length 1) from which two keypoints are not partners: cosine .85
_APART = (2 * (1 - 0.85)) ** 0.5
#: pixels by which a partner may miss its place
_TOLERANCE = 3.0
_FEWEST = 5
#: RANSAC's draws: enough where one partner in eight is right
_DRAWS = 300


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Keypoints of one picture: ``points`` float32 (k, 2), x and y in pixels; ``descriptors``
    float32 (k, 128) of length 1."""

    points: np.ndarray
    descriptors: np.ndarray


def keypoints(image: np.ndarray, *, most: int = 80) -> Keypoints:
    """The ``most`` strongest keypoints of a uint8 picture, RGB (height, width, 3) or grey."""
    grey = _to_grey(image)
    finder = cv2.SIFT_create(nfeatures=most, contrastThreshold=0.01)
    found, descriptors = finder.detectAndCompute(grey, None)
    if descriptors is None:
        return Keypoints(np.empty((0, 2), np.float32), np.empty((0, 128), np.float32))
    total = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-9)
    points = np.array([point.pt for point in found], np.float32)
    return Keypoints(points, np.sqrt(descriptors / total))


def match(one: Keypoints, other: Keypoints) -> tuple[int, np.ndarray | None]:
    """(matches, transform): how many keypoints one similarity transform carries onto partners.

    ``transform`` is float64 (2, 3), from the first picture's pixels to the second's; None with 0
    matches when fewer than 5 partners agree.
    """
    if min(len(one.points), len(other.points)) < _FEWEST:
        return 0, None
    # mutual nearest neighbours; a matrix product this small would only make its threads wait
    partners = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(one.descriptors, other.descriptors)
    near = [(p.queryIdx, p.trainIdx) for p in partners if p.distance < _APART]
    if len(near) < _FEWEST:
        return 0, None
    here, there = np.array(near).T
    cv2.setRNGSeed(0)  # RANSAC draws from OpenCV's own generator
    transform, inside = cv2.estimateAffinePartial2D(
        one.points[here],
        other.points[there],
        ransacReprojThreshold=_TOLERANCE,
        maxIters=_DRAWS,
    )
    if transform is None or inside.sum() < _FEWEST:
        return 0, None
    return int(inside.sum()), transform


def local_features(
    images: np.ndarray, ids: Sequence[str], *, mirrored: bool = False, most: int = 80
) -> dict[str, Keypoints]:
    """Keypoints of every picture by image id; images: uint8 (n, height, width[, 3]).

    mirrored: of the mirror images (left to right); SIFT does not match a picture with its mirror
    image. HAM10000 takes 0.4 GB at 80 keypoints a picture. DataError if the lengths differ.
    """
    if len(images) != len(ids):
        raise DataError(f"local_features: {len(images)} pictures for {len(ids)} image ids.")

    def one(image: np.ndarray) -> Keypoints:
        return keypoints(np.ascontiguousarray(image[:, ::-1] if mirrored else image), most=most)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(ids, pool.map(one, images), strict=True))


def count_matches(
    pairs: pd.DataFrame,
    features: Mapping[str, Keypoints],
    mirrored: Mapping[str, Keypoints] | None = None,
) -> pd.DataFrame:
    """The pairs with ``matches`` (int64), and ``mirrored`` (bool): which way matched better.

    features: of all images named; mirrored: of the mirror images of ``image_id``, to be tried too.
    DataError for an image without features.
    """
    missing = {*pairs["image_id"], *pairs["other"]} - features.keys()
    if missing:
        raise DataError(f"count_matches: there are no features of {min(missing)!r}.")

    def count(names: tuple[str, str]) -> tuple[int, int]:
        one, other = names
        mirror = match(mirrored[one], features[other])[0] if mirrored is not None else 0
        return match(features[one], features[other])[0], mirror

    names = zip(pairs["image_id"], pairs["other"], strict=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        counts = np.array(list(pool.map(count, names)), np.int64).reshape(-1, 2)
    plain, mirror = counts[:, 0], counts[:, 1]
    return pairs.assign(matches=np.maximum(plain, mirror), mirrored=mirror > plain)


def detail_agreement(
    pairs: pd.DataFrame,
    images: Mapping[str, np.ndarray],
    features: Mapping[str, Keypoints],
    mirrored: Mapping[str, Keypoints] | None = None,
) -> np.ndarray:
    """``detail`` of ``evidence`` for pairs that ``count_matches`` counted, float64 (n,), −1..1.

    images: uint8 pictures by image id, of the size that the features were found in. NaN where no
    transform carries one picture onto the other. Keypoints may agree on what was laid over two
    pictures, a watermark or a ruler; then the rest of the frame does not.
    """

    def agreement(row: tuple[str, str, bool]) -> float:
        one, other, flipped = row
        known = mirrored[one] if flipped and mirrored is not None else features[one]
        transform = match(known, features[other])[1]
        if transform is None:
            return float("nan")
        first, second = _to_grey(images[one]), _to_grey(images[other])
        first = np.ascontiguousarray(first[:, ::-1]) if flipped else first
        laid, inside = _lay(first, transform, second.shape)
        return _correlation(_detail(laid)[inside], _detail(second)[inside])

    rows = zip(pairs["image_id"], pairs["other"], pairs["mirrored"], strict=True)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return np.array(list(pool.map(agreement, rows)), np.float64)


def evidence(
    collection: Collection, pairs: pd.DataFrame, *, height: int = 150, width: int = 200
) -> pd.DataFrame:
    """Numbers that say how alike each pair is, once the first picture was laid on the second.

    Pictures are resized to height × width. Added columns:

    - matches: keypoints carried over by one transform (0: laid on each other as they are);
    - mirrored: whether the first picture was mirrored to match;
    - turn (degrees), zoom (ratio): of that transform;
    - overlap: share of the frame (0..1) that both pictures cover;
    - correlation: of grey values, −1..1; detail: of grey values without slow shading;
    - difference: mean absolute difference of grey values, 0..255, after mean and contrast of the
      first were set to those of the second;
    - ssim: structural similarity, −1..1 (Wang et al. 2004).
    """
    check_pairs(collection, pairs)
    counted = pairs
    if "matches" not in pairs.columns:
        ids = list(dict.fromkeys([*pairs["image_id"], *pairs["other"]]))
        pictures = [_grey(collection, image_id, height, width) for image_id in ids]
        features = local_features(pictures, ids)
        counted = count_matches(pairs, features, local_features(pictures, ids, mirrored=True))
    rows = []
    for row in counted.itertuples():
        one = _grey(collection, row.image_id, height, width)
        other = _grey(collection, row.other, height, width)
        one = np.ascontiguousarray(one[:, ::-1]) if row.mirrored else one
        rows.append(_compare(one, other, match(keypoints(one), keypoints(other))[1]))
    columns = ["turn", "zoom", "overlap", "correlation", "detail", "difference", "ssim"]
    measured = pd.DataFrame(rows, columns=columns, index=counted.index, dtype=np.float64)
    return pd.concat([counted, measured], axis=1)


def structural_similarity(
    one: np.ndarray, other: np.ndarray, inside: np.ndarray | None = None
) -> float:
    """Mean structural similarity of two grey pictures 0..255 (Wang et al. 2004), −1..1.

    Gaussian window of 1.5 pixels, constants (0.01 · 255)² and (0.03 · 255)². ``inside``: bool
    (height, width), the pixels whose mean is taken; all by default.
    """
    if one.shape != other.shape:
        raise ParameterError(f"structural_similarity: shapes {one.shape} and {other.shape}.")
    x, y = one.astype(np.float64), other.astype(np.float64)

    def blur(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(picture, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    joint = blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    numerator = (2 * mean_x * mean_y + c1) * (2 * joint + c2)
    similarity = numerator / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(similarity.mean() if inside is None else similarity[inside].mean())


def _compare(one: np.ndarray, other: np.ndarray, transform: np.ndarray | None) -> Sequence[float]:
    turn, zoom = 0.0, 1.0
    inside = np.ones(other.shape, bool)
    if transform is not None:
        zoom = float(np.hypot(transform[0, 0], transform[1, 0]))
        turn = float(np.degrees(np.arctan2(transform[1, 0], transform[0, 0])))
        one, inside = _lay(one, transform, other.shape)
    if inside.sum() < 2:
        return [turn, zoom, 0.0, *[np.nan] * 4]
    a, b = one.astype(np.float32), other.astype(np.float32)
    spread = max(float(a[inside].std()), 1e-6)
    fitted = (a - a[inside].mean()) / spread * b[inside].std() + b[inside].mean()
    return [
        turn,
        zoom,
        float(inside.mean()),
        _correlation(a[inside], b[inside]),
        _correlation(_detail(a)[inside], _detail(b)[inside]),
        float(np.abs(fitted - b)[inside].mean()),
        structural_similarity(fitted, b, inside),
    ]


def _lay(
    picture: np.ndarray, transform: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The picture carried over by the transform, and where in the new frame it lies (bool)."""
    size = (shape[1], shape[0])
    inside = cv2.warpAffine(np.full_like(picture, 255), transform, size) > 254
    return cv2.warpAffine(picture, transform, size, borderMode=cv2.BORDER_REFLECT), inside


def _detail(picture: np.ndarray) -> np.ndarray:
    """Without sensor noise and without anything wider than about a tenth of the picture."""
    picture, wide = picture.astype(np.float32), max(picture.shape) / 25
    fine, slow = (cv2.GaussianBlur(picture, (0, 0), sigma) for sigma in (1.0, wide))
    return fine - slow


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    if len(x) < 2 or x.std() < 1e-6 or y.std() < 1e-6:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _to_grey(image: np.ndarray) -> np.ndarray:
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _grey(collection: Collection, image_id: str, height: int, width: int) -> np.ndarray:
    return resize(_to_grey(collection.source.image(image_id)), height, width)
