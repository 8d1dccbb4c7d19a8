import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_collection import Maskless, TinySource, tiny

from dermbook.data import image_store
from dermbook.data.cache import Transform, cached_images, cached_masks, resize
from dermbook.errors import DataError, ParameterError

SIZE = {"height": 12, "width": 16}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("DERMBOOK_CACHE", str(folder))
    return folder


def child(code: str, folder: Path) -> subprocess.Popen:
    """A second Python that sees the same cache; ``code`` finds tiny_collection's names."""
    prelude = (
        "from pathlib import Path\n"
        "from tiny_collection import *\n"
        "from dermbook.data.cache import cached_images\n"
    )
    environment = {
        **os.environ,
        "DERMBOOK_CACHE": str(folder),
        "PYTHONPATH": str(Path(__file__).parent),
    }
    return subprocess.Popen([sys.executable, "-c", prelude + code], env=environment)


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


# what is stored


def test_rows_are_the_resized_images_in_the_collections_order():
    collection = tiny(20)
    cached = cached_images(collection, **SIZE)
    assert list(cached.ids) == list(collection.ids) != sorted(collection.ids)
    assert cached.images.shape == (20, 12, 16, 3)
    assert cached.images.dtype == np.uint8
    for i, image_id in enumerate(collection.ids):
        expected = cv2.resize(
            collection.source.image(image_id), (16, 12), interpolation=cv2.INTER_AREA
        )
        np.testing.assert_array_equal(cached.images[i], expected)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_the_order_does_not_depend_on_blocks_or_threads(workers, monkeypatch):
    monkeypatch.setattr(image_store, "BLOCK", 7)
    collection = tiny(20)
    cached = cached_images(collection, height=30, width=40, workers=workers)
    expected = np.stack([collection.source.image(image_id) for image_id in collection.ids])
    np.testing.assert_array_equal(cached.images, expected)


def test_the_array_is_a_plain_npy_file_that_cannot_be_written_through():
    cached = cached_images(tiny(), **SIZE)
    np.testing.assert_array_equal(np.load(cached.path), cached.images)
    assert isinstance(cached.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        cached.images[0] = 0


def test_the_second_call_decodes_nothing(tmp_path):
    collection = tiny(source=TinySource(log=tmp_path / "log"))
    first = cached_images(collection, **SIZE)
    second = cached_images(collection, **SIZE)
    assert len((tmp_path / "log").read_text().split()) == 20
    assert second.path == first.path
    np.testing.assert_array_equal(first.images, second.images)


def test_take_and_positions_follow_the_ids_asked_for():
    collection = tiny()
    cached = cached_images(collection, **SIZE)
    wanted = [collection.ids[i] for i in (5, 0, 5, 19)]
    assert cached.positions(wanted).tolist() == [5, 0, 5, 19]
    np.testing.assert_array_equal(cached.take(wanted), cached.images[[5, 0, 5, 19]])
    with pytest.raises(DataError, match="'stranger'"):
        cached.take([collection.ids[0], "stranger"])


def test_other_size_transform_version_or_content_is_another_file():
    invert = Transform("invert", 1, lambda image: 255 - image)
    again = Transform("invert", 2, lambda image: 255 - image)
    files = {
        cached_images(tiny(), **SIZE).path,
        cached_images(tiny(), height=16, width=12).path,
        cached_images(tiny(), **SIZE, transform=invert).path,
        cached_images(tiny(), **SIZE, transform=again).path,
        cached_images(tiny(source=TinySource(seed=1)), **SIZE).path,
        cached_images(tiny(18), **SIZE).path,
        cached_masks(tiny(), **SIZE).path,
    }
    assert len(files) == 7


def test_a_transform_works_on_the_original_size():
    sizes = set()

    def left_half(image):
        sizes.add(image.shape)
        return image[:, :20]

    collection = tiny(4)
    cached = cached_images(collection, **SIZE, transform=Transform("left-half", 1, left_half))
    assert sizes == {(30, 40, 3)}
    expected = resize(collection.source.image(collection.ids[2])[:, :20], 12, 16)
    np.testing.assert_array_equal(cached.images[2], expected)


def test_masks_keep_pixels_that_are_mostly_lesion():
    class Halves(TinySource):
        def mask(self, image_id):
            mask = np.zeros((30, 40), bool)
            mask[:, :25] = True
            return mask

    masks = cached_masks(tiny(4, source=Halves()), height=3, width=4)
    assert masks.images.dtype == bool
    # columns are 10 pixels wide: 10, 10, 5 (exactly half) and 0 of them are lesion
    np.testing.assert_array_equal(masks.images[0], [[True, True, True, False]] * 3)
    assert masks.images.shape == (4, 3, 4)


def test_missing_masks_are_refused(cache_folder):
    with pytest.raises(DataError, match=r"'T_0000' has no lesion mask"):
        cached_masks(tiny(source=Maskless()), **SIZE)
    assert names(cache_folder, "*.npy") == []


# resizing


def test_resize_averages_where_it_shrinks_and_interpolates_where_it_grows():
    stripes = np.zeros((4, 8), np.uint8)
    stripes[:, ::2] = 200
    np.testing.assert_array_equal(resize(stripes, 4, 4), np.full((4, 4), 100))
    # width halved, height doubled: still no stripe survives
    np.testing.assert_array_equal(resize(stripes, 8, 4), np.full((8, 4), 100))
    ramp = np.array([[0, 100]], np.uint8)
    np.testing.assert_array_equal(resize(ramp, 1, 4), [[0, 25, 75, 100]])
    np.testing.assert_array_equal(resize(stripes, 4, 8), stripes)


# refusals


def test_a_flipped_byte_is_refused_and_named(monkeypatch):
    monkeypatch.setattr(image_store, "BLOCK", 8)
    cached = cached_images(tiny(), **SIZE)
    path = cached.path
    content = bytearray(path.read_bytes())
    content[-12 * 16 * 3 * 5] ^= 1  # in row 15 of 20, so in the block of rows 8 to 15
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows 8 to 15 is wrong\. Delete ") as error:
        cached_images(tiny(), **SIZE)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("change", [-1, 1, -5000])
def test_a_truncated_or_longer_file_is_refused(change):
    path = cached_images(tiny(), **SIZE).path
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0" * change)
    with pytest.raises(DataError, match=f"has {len(content) + change} bytes instead of"):
        cached_images(tiny(), **SIZE)


def test_another_header_is_refused():
    cached = cached_images(tiny(), **SIZE)
    swapped = np.load(cached.path).reshape(20, 16, 12, 3)
    np.save(cached.path, swapped)
    with pytest.raises(DataError, match="header"):
        cached_images(tiny(), **SIZE)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: s.update(ids=s["ids"][::-1]), "another 'ids'"),
        (lambda s: s.update(fingerprint="0" * 64), "another 'fingerprint'"),
        (lambda s: s.update(shape=[20, 16, 12, 3]), "another 'shape'"),
        (lambda s: s.update(crc32=[]), "checksums"),
        (lambda s: s.pop("crc32"), "cannot be read"),
    ],
)
def test_a_sidecar_that_does_not_fit_is_refused(damage, message):
    path = cached_images(tiny(), **SIZE).path.with_suffix(".json")
    sidecar = json.loads(path.read_text())
    damage(sidecar)
    path.write_text(json.dumps(sidecar))
    with pytest.raises(DataError, match=message):
        cached_images(tiny(), **SIZE)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\udc80"])
def test_a_garbled_sidecar_is_refused(content):
    path = cached_images(tiny(), **SIZE).path.with_suffix(".json")
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match="cannot be read"):
        cached_images(tiny(), **SIZE)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_the_advice_works_even_when_half_followed(suffix):
    path = cached_images(tiny(), **SIZE).path
    expected = np.load(path)
    path.write_bytes(b"rubbish")
    path.with_suffix(suffix).unlink()
    np.testing.assert_array_equal(cached_images(tiny(), **SIZE).images, expected)


def test_a_failing_image_leaves_nothing_behind(cache_folder):
    class Broken(TinySource):
        def image(self, image_id):
            if image_id == "T_0865":
                raise DataError("T_0865.jpg is damaged.")
            return super().image(image_id)

    with pytest.raises(DataError, match="T_0865"):
        cached_images(tiny(source=Broken()), **SIZE)
    assert {path.suffix for path in cache_folder.iterdir()} == {".lock"}


def test_a_transform_that_returns_something_else_is_refused(cache_folder):
    for wrong in (lambda image: image / 255, lambda image: image[..., 0], lambda image: None):
        with pytest.raises(ParameterError, match="'wrong' must return a uint8"):
            cached_images(tiny(), **SIZE, transform=Transform("wrong", 1, wrong))
    assert names(cache_folder, "*.npy") == []


def test_an_unwritable_folder_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image_store.os, "fsync", full)
    with pytest.raises(DataError, match=r"No space left.*DERMBOOK_CACHE"):
        cached_images(tiny(), **SIZE)


@pytest.mark.parametrize(
    "wrong",
    [{"height": 0}, {"width": -3}, {"height": 2.5}, {"width": True}, {"workers": 0}],
)
def test_impossible_sizes_and_workers_are_refused(wrong):
    with pytest.raises(ParameterError):
        cached_images(tiny(), **{**SIZE, **wrong})


@pytest.mark.parametrize(("name", "version"), [("a/b", 1), ("", 1), ("Clahe", 1), ("ok", 0)])
def test_transform_names_and_versions_are_checked(name, version):
    with pytest.raises(ParameterError):
        Transform(name, version, np.copy)


# several builders


def test_two_processes_at_once_build_once(tmp_path, cache_folder):
    code = """
import time
here, other = Path({here!r}), Path({other!r})
collection = tiny(600, source=TinySource(log=here / "log", pause=0.001))
(here / "ready").touch()
while not (other / "ready").exists():
    time.sleep(0.001)
cached = cached_images(collection, height=12, width=16)
assert [*cached.ids] == [*collection.ids]
"""
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    children = [
        child(code.format(here=str(here), other=str(other)), cache_folder)
        for here, other in (folders, folders[::-1])
    ]
    assert [process.wait(120) for process in children] == [0, 0]
    decoded = [len((f / "log").read_text().split()) for f in folders if (f / "log").exists()]
    assert decoded == [600]  # one of the two decoded, all of it
    assert len(names(cache_folder, "*.npy")) == len(names(cache_folder, "*.json")) == 1


def test_a_second_builder_waits_for_the_first(cache_folder):
    """Inside one process too: the second thread starts while the first is decoding."""
    entered, go_on = threading.Event(), threading.Event()

    class Slow(TinySource):
        decoded = 0

        def image(self, image_id):
            Slow.decoded += 1
            entered.set()
            go_on.wait(30)
            return super().image(image_id)

    results = []

    def build():
        results.append(cached_images(tiny(source=Slow()), **SIZE, workers=1))

    threads = [threading.Thread(target=build) for _ in range(2)]
    threads[0].start()
    entered.wait(30)
    threads[1].start()
    time.sleep(0.2)
    assert Slow.decoded == 1
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert Slow.decoded == 20
    np.testing.assert_array_equal(results[0].images, results[1].images)


def test_builders_without_locks_still_get_it_right(monkeypatch):
    """As on a network disk without flock: both decode, and the result is right."""
    from contextlib import contextmanager

    @contextmanager
    def no_lock(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield False

    monkeypatch.setattr(image_store, "_locked", no_lock)
    together = threading.Barrier(3)

    class Together(TinySource):
        def image(self, image_id):
            if image_id == "T_0000":
                together.wait(30)
            return super().image(image_id)

    results = []

    def build():
        results.append(cached_images(tiny(source=Together()), height=30, width=40))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 3
    expected = np.stack([TinySource().image(image_id) for image_id in tiny().ids])
    for cached in results:
        np.testing.assert_array_equal(cached.images, expected)
    np.testing.assert_array_equal(cached_images(tiny(), height=30, width=40).images, expected)


def test_a_killed_build_leaves_nothing_that_counts(tmp_path, cache_folder):
    log = tmp_path / "log"
    code = (
        f"source = TinySource(log=Path({str(log)!r}), stall_at='T_0593')\n"
        "cached_images(tiny(300, source=source), height=12, width=16)"
    )
    process = child(code, cache_folder)
    try:
        # T_0593 is image 141 of 300, so the file is half decoded
        wait_for(lambda: log.exists() and "T_0593" in log.read_text())
    finally:
        process.kill()
        process.wait(30)
    assert names(cache_folder, "*.json") == []
    (leftover,) = cache_folder.glob(".*.part.npy")
    fresh = (
        cache_folder / f"{leftover.name.split('.part')[0]}2.part.npy"
    )  # another's, in the making
    fresh.touch()
    os.utime(leftover, (time.time() - 3600,) * 2)

    collection = tiny(300)
    cached = cached_images(collection, height=12, width=16)
    for i in (0, 141, 299):
        expected = resize(collection.source.image(collection.ids[i]), 12, 16)
        np.testing.assert_array_equal(cached.images[i], expected)
    assert names(cache_folder, ".*.part.*") == [fresh.name]


def test_a_kill_between_the_two_files_means_building_again(cache_folder):
    path = cached_images(tiny(), **SIZE).path
    expected = np.load(path)
    path.with_suffix(".json").unlink()
    np.testing.assert_array_equal(cached_images(tiny(), **SIZE).images, expected)


def test_no_progress_bar_outside_a_terminal(capfd):
    cached_images(tiny(), **SIZE, progress=True)
    assert capfd.readouterr() == ("", "")
