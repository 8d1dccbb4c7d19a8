import numpy as np
import pandas as pd
import pytest
from tiny_collection import tiny

from dermbook.data.batches import Batches
from dermbook.data.cache import cached_images
from dermbook.errors import DataError, ParameterError

COLLECTION = tiny(20)


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DERMBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield cached_images(COLLECTION, height=12, width=16)


def epoch_of(batches: Batches) -> list[tuple]:
    return [batches.batch(i) for i in range(len(batches))]


def picture_ids(cached, x: np.ndarray) -> list[str]:
    """Which images these are, found by their pixels."""
    known = {image.tobytes(): i for i, image in enumerate(cached.images)}
    return [cached.ids[known[image.tobytes()]] for image in x]


def test_images_labels_weights_features_and_ids_stay_together(cached):
    ids = COLLECTION.ids[3:17]
    number = pd.Series(np.arange(20), index=COLLECTION.ids)
    batches = Batches(
        cached,
        ids,
        number,
        batch_size=4,
        shuffle=True,
        seed=3,
        sample_weight=(number / 10).iloc[::-1],
        features=pd.DataFrame({"a": number * 2, "b": number % 2 == 0}).sample(frac=1),
    )
    assert len(batches) == 4
    seen = []
    for epoch in (0, 1):
        batches.start_epoch(epoch)
        for i in range(4):
            (x, features), y, weight = batches.batch(i)
            found = picture_ids(cached, x)
            assert found == list(batches.batch_ids(i))
            expected = number[found].to_numpy()
            np.testing.assert_array_equal(y, expected)
            np.testing.assert_allclose(weight, expected / 10, rtol=1e-6)
            np.testing.assert_array_equal(features[:, 0], expected * 2)
            np.testing.assert_array_equal(features[:, 1], expected % 2 == 0)
            seen.append((epoch, found))
    for epoch in (0, 1):
        flat = [image_id for e, found in seen if e == epoch for image_id in found]
        assert sorted(flat) == sorted(ids)
    assert seen[0][1] != seen[4][1]


def test_types_shapes_and_the_smaller_last_batch(cached):
    batches = Batches(cached, COLLECTION.ids, COLLECTION.codes(), batch_size=8)
    x, y = batches.batch(2)
    assert (x.dtype, x.shape, x.flags.c_contiguous) == (np.uint8, (4, 12, 16, 3), True)
    assert (y.dtype, y.shape) == (np.int32, (4,))
    x[:] = 0  # the caller's own, the cache does not change
    assert cached.take(batches.batch_ids(2)).any()
    with pytest.raises(IndexError):
        batches.batch(3)
    with pytest.raises(IndexError):
        batches.batch(-1)


def test_without_shuffling_the_order_is_that_of_the_ids(cached):
    ids = COLLECTION.ids[::-1]
    batches = Batches(cached, ids, COLLECTION.codes(ids), batch_size=7)
    batches.start_epoch(5)
    assert [i for b in range(3) for i in batches.batch_ids(b)] == list(ids)
    np.testing.assert_array_equal(np.concatenate([y for _, y in epoch_of(batches)]), batches.codes)


def test_order_is_a_pure_function_of_seed_and_epoch(cached):
    def made(seed=0, **options):
        return Batches(
            cached, COLLECTION.ids, COLLECTION.codes(), shuffle=True, seed=seed, **options
        )

    straight, resumed = made(), made(batch_size=3)
    for epoch in range(3):
        straight.start_epoch(epoch)
        epoch_of(straight)
    resumed.start_epoch(3)
    np.testing.assert_array_equal(straight.order(3), resumed.order(3))
    orders = {tuple(made(seed).order(epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert straight.epoch == 2
    straight.start_epoch(0)
    np.testing.assert_array_equal(straight.order(0), made().order(0))


def noise(batch, rng):
    return batch ^ rng.integers(0, 256, batch.shape, dtype=np.uint8)


def test_augmentation_depends_on_seed_epoch_and_batch_alone(cached):
    def made(seed=0):
        return Batches(
            cached, COLLECTION.ids, COLLECTION.codes(), batch_size=5, seed=seed, augment=noise
        )

    one, other = made(), made()
    later = one.batch(3)[0]
    np.testing.assert_array_equal(later, other.batch(3)[0])  # whichever batch came before
    clean = cached.take(one.batch_ids(0))
    drawn = [one.batch(i)[0] ^ cached.take(one.batch_ids(i)) for i in range(4)]
    drawn.append(made(seed=1).batch(0)[0] ^ clean)
    one.start_epoch(1)
    drawn.append(one.batch(0)[0] ^ clean)
    assert len({noise_.tobytes() for noise_ in drawn}) == 6


def test_an_augmentation_may_work_in_place_and_change_the_size(cached):
    def darken(batch, rng):
        batch //= 2
        return batch[:, ::2, ::-2]

    before = np.array(cached.images)
    batches = Batches(cached, COLLECTION.ids, COLLECTION.codes(), augment=darken)
    x = batches.batch(0)[0]
    np.testing.assert_array_equal(x, before[:, ::2, ::-2] // 2)
    assert x.flags.c_contiguous
    np.testing.assert_array_equal(cached.images, before)


@pytest.mark.parametrize(
    "wrong", [lambda x, rng: x / 255, lambda x, rng: x[1:], lambda x, rng: x[0]]
)
def test_an_augmentation_that_returns_something_else_is_refused(cached, wrong):
    batches = Batches(cached, COLLECTION.ids, COLLECTION.codes(), augment=wrong)
    with pytest.raises(ParameterError, match="augment"):
        batches.batch(0)


def test_an_image_may_be_repeated(cached):
    ids = [COLLECTION.ids[i] for i in (4, 4, 9, 4)]
    codes = pd.Series(range(20), index=COLLECTION.ids)
    x, y = Batches(cached, ids, codes).batch(0)
    assert y.tolist() == [4, 4, 9, 4]
    assert picture_ids(cached, x) == ids


IDS = COLLECTION.ids
SERIES = pd.Series(np.zeros(20, int), index=IDS)


@pytest.mark.parametrize(
    ("ids", "codes", "message"),
    [
        ([*IDS, "stranger"], np.zeros(21, int), "'stranger'"),
        ([], [], "empty"),
        (IDS, np.zeros(19, int), r"expected shape \(20,\)"),
        (IDS, np.zeros((20, 2), int), r"expected shape \(20,\)"),
        (IDS, SERIES.iloc[:-1], "1 of 20 image ids are missing"),
        (IDS, SERIES.reset_index(drop=True), "20 of 20 image ids are missing"),
        (IDS, pd.concat([SERIES, SERIES.iloc[:1]]), "occurs twice"),
        (IDS, SERIES.astype("Int64").where(SERIES.index != IDS[2]), repr(IDS[2])),
        (IDS, np.zeros(20), "must be integers"),
        (IDS, ["nv"] * 20, "must be integers"),
        (IDS, [0] * 19 + [-1], "negative"),
    ],
)
def test_labels_that_do_not_fit_the_ids_are_refused(cached, ids, codes, message):
    with pytest.raises(DataError, match=message):
        Batches(cached, ids, codes)


def test_nullable_integers_without_gaps_are_fine(cached):
    assert Batches(cached, IDS, SERIES.astype("Int64")).codes.dtype == np.int32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": [1.0] * 19 + [np.nan]}, "finite"),
        ({"sample_weight": [1.0] * 19 + [-1]}, "finite"),
        ({"sample_weight": [1.0]}, "expected shape"),
        ({"features": pd.DataFrame({"age": [np.nan] + [1.0] * 19}, index=IDS)}, "missing for 1"),
        ({"features": pd.DataFrame({"age": [np.inf] + [1.0] * 19}, index=IDS)}, "'age'.*infinite"),
        ({"features": pd.DataFrame({"sex": ["male"] * 20}, index=IDS)}, "'sex' is not numeric"),
        ({"features": pd.DataFrame({"age": [1.0] * 20})}, "20 of 20 image ids are missing"),
    ],
)
def test_weights_and_features_with_gaps_are_refused(cached, options, message):
    with pytest.raises(DataError, match=message):
        Batches(cached, IDS, SERIES, **options)


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"seed": -1}])
def test_impossible_options_are_refused(cached, options):
    with pytest.raises(ParameterError):
        Batches(cached, IDS, SERIES, **options)
    with pytest.raises(ParameterError, match="epoch"):
        Batches(cached, IDS, SERIES).start_epoch(-1)
