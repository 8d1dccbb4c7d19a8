"""Every pipeline gives the same images; what differs (order, labels, pixels) is said truly."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from dermbook.data.pipelines import PIPELINES, DirectoryGenerator, Job, race
from dermbook.data.pipelines.measure import compare, measure
from dermbook.data.pipelines.race import COLUMNS
from dermbook.errors import DataError, ParameterError

FROM_TABLE = ["text-column", "pickled-column", "memory-map", "tf-data", "tf-data-cached"]
BY_FOLDER = ["keras-generator", "keras-dataset"]


@pytest.fixture(scope="module")
def job(small_phantom, tmp_path_factory):
    ids = small_phantom.ids[:45]
    work = tmp_path_factory.mktemp("work")
    return Job.of(small_phantom, work, height=24, width=40, batch_size=16, ids=ids)


def epoch(pipeline, job):
    pipeline.prepare(job)
    return pipeline.open(job)


def test_the_phantoms_class_order_is_not_the_alphabets(job):
    assert list(job.classes) != sorted(job.classes)


@pytest.mark.parametrize("name", FROM_TABLE)
def test_a_pipeline_over_a_table_gives_its_images_order_and_labels(name, job):
    reader = epoch(PIPELINES[name], job)
    for _ in range(2):  # the second epoch as the first
        batches = list(reader)
        assert [len(ids) for _, _, ids in batches] == [16, 16, 13]
        assert [image_id for _, _, ids in batches for image_id in ids] == job.ids
        np.testing.assert_array_equal(np.concatenate([y for _, y, _ in batches]), job.codes)
        x = np.concatenate([x for x, _, _ in batches])
        assert x.shape == (45, 24, 40, 3)
        assert x.dtype == np.uint8
        wanted = np.stack([job.image(image_id) for image_id in job.ids]).astype(int)
        limit = 2 if name.startswith("tf-") else 0  # two decoders and two roundings
        assert np.abs(x.astype(int) - wanted).max() <= limit
    assert reader.classes == job.classes


@pytest.mark.parametrize("name", BY_FOLDER)
def test_a_folder_reader_numbers_classes_by_the_alphabet_and_walks_folder_by_folder(name, job):
    reader = epoch(PIPELINES[name], job)
    batches = list(reader)
    ids = [image_id for _, _, names in batches for image_id in names]
    assert sorted(ids) == sorted(job.ids)
    assert ids != job.ids
    labels = np.concatenate([y for _, y, _ in batches])
    alphabet = sorted(job.classes)
    assert [alphabet[label] for label in labels] == job.table.loc[ids, "label"].tolist()
    assert ids == sorted(ids, key=lambda i: (job.table.at[i, "label"], i))
    found = compare(reader, job)
    assert found["label_order"] == "alphabetical"
    assert not found["same_order"]
    agree = [alphabet.index(label) == job.classes.index(label) for label in job.table["label"]]
    assert found["labels_right"] == pytest.approx(np.mean(agree))
    assert found["labels_right"] < 1


def test_naming_the_classes_puts_a_folder_readers_labels_right(job):
    found = compare(replace(PIPELINES["keras-generator"], classes=job.classes).open(job), job)
    assert found["labels_right"] == 1
    assert found["label_order"] == "as asked"
    assert found["same_images"]
    assert not found["same_order"]


def test_nearest_pixels_are_further_from_the_reference_than_averages(job):
    nearest = compare(DirectoryGenerator().open(job), job)
    box = compare(DirectoryGenerator(interpolation="box").open(job), job)
    assert nearest["mean_difference"] > 3 * box["mean_difference"]


def test_a_shuffling_generator_tells_which_images_its_batches_hold(job):
    reader = DirectoryGenerator(shuffle=True, seed=5, interpolation="box").open(job)
    orders = []
    for _ in range(2):
        ids = []
        for x, y, names in reader:
            ids += names
            for image, label, image_id in zip(x, y, names, strict=True):
                assert np.abs(image - job.image(image_id)).mean() < 2
                assert reader.classes[label] == job.table.at[image_id, "label"]
        orders.append(ids)
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(job.ids)
    assert orders[0] != orders[1]


def test_a_job_survives_its_file(job, tmp_path):
    again = Job.load(job.save(tmp_path / "job.json"))
    assert again.ids == job.ids
    assert again.classes == job.classes
    assert again.work == job.work
    np.testing.assert_array_equal(again.codes, job.codes)
    np.testing.assert_array_equal(again.image(job.ids[3]), job.image(job.ids[3]))


def test_bad_jobs_are_refused(small_phantom, tmp_path, job):
    with pytest.raises(ParameterError, match="height"):
        Job.of(small_phantom, tmp_path, height=0, width=4, ids=small_phantom.ids[:2])
    with pytest.raises(DataError, match="none of the classes"):
        replace(job, classes=("nv",))
    with pytest.raises(DataError, match="at least one"):
        replace(job, table=job.table.iloc[:0])


def test_a_missing_file_is_named(small_phantom, tmp_path):
    job = Job.of(small_phantom, tmp_path, height=8, width=8, ids=small_phantom.ids[:3])
    lost = job.folder / job.table["file"].iloc[1]
    lost.unlink()
    with pytest.raises(DataError, match=lost.name):
        PIPELINES["pickled-column"].prepare(job)


def test_text_takes_more_room_than_the_same_numbers_pickled(job):
    sizes = {}
    for name in ("text-column", "pickled-column"):
        PIPELINES[name].prepare(job)
        sizes[name] = sum(path.stat().st_size for path in PIPELINES[name].files(job))
    assert sizes["text-column"] > 1.5 * sizes["pickled-column"] > 1.5 * 45 * 24 * 40 * 3


def test_measuring_counts_images_seconds_and_memory(job):
    PIPELINES["pickled-column"].prepare(job)
    found = measure(PIPELINES["pickled-column"], job, repeats=2)
    assert found["images"] == 45
    assert found["same_order"]
    assert found["max_difference"] == 0
    assert len(found["first"]) == len(found["second"]) == len(found["startup_s"]) == 2
    assert min(found["first"] + found["second"]) > 0
    assert found["peak_mb"] >= found["base_mb"] > 10


def test_compare_notices_a_lost_a_repeated_and_a_mislabelled_image(job):
    class Broken:
        classes = job.classes

        def __iter__(self):
            ids = [*job.ids[:-1], job.ids[0]]
            labels = np.array([*job.codes[:-1], job.codes[0]])
            labels[0] = (labels[0] + 1) % len(job.classes)
            yield np.stack([job.image(i) for i in ids]), labels, ids

    found = compare(Broken(), job)
    assert not found["same_images"]
    assert not found["same_order"]
    assert found["labels_right"] == pytest.approx(44 / 45)


def test_the_race_measures_each_pipeline_in_a_process_of_its_own(small_phantom):
    table = race(
        small_phantom,
        images=30,
        height=24,
        width=32,
        repeats=2,
        pipelines=["memory-map", "pickled-column"],
    )
    assert list(table.columns) == list(COLUMNS)
    assert table["pipeline"].tolist() == ["memory-map", "pickled-column"]
    assert (table["images"] == 30).all()
    assert table["same_order"].all()
    assert (table["first_low"] <= table["images_per_second_first"]).all()
    assert (table["images_per_second_first"] <= table["first_high"]).all()
    assert (table["base_mb"] < table["peak_mb"]).all()
    assert (table["peak_mb"] < 400).all()
    pixels = 30 * 24 * 32 * 3 / 2**20
    assert (table["disk_mb"] >= pixels).all()
    assert (table["disk_mb"] < 1.5 * pixels).all()
    waiting = table["prepare_s"] + table["startup_s"]
    assert (table["ten_epochs_s"] > waiting).all()


def test_a_pipeline_without_its_package_is_skipped_and_said(small_phantom, monkeypatch):
    monkeypatch.setattr("dermbook.data.pipelines.job.find_spec", lambda name: None)
    table = race(small_phantom, images=5, height=8, width=8, pipelines=["torch-loader"])
    assert table["note"].iloc[0] == "not run: torch is not installed"
    assert table["images"].isna().all()
    with pytest.raises(ParameterError, match="torch"):
        PIPELINES["torch-loader"].open(None)


def test_the_race_refuses_what_it_cannot_run(small_phantom):
    with pytest.raises(ParameterError, match="'hdf5' is unknown"):
        race(small_phantom, height=8, width=8, pipelines=["hdf5"])
    with pytest.raises(ParameterError, match="repeat"):
        race(small_phantom, height=8, width=8, repeats=0)


def test_a_pipeline_that_fails_is_named_and_ends_the_race(job, tmp_path):
    broken = replace(job, folder=tmp_path / "gone")
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "dermbook.data.pipelines.measure"]
    command += [str(broken.save(tmp_path / "job.json")), str(result), "pickled-column"]
    subprocess.run(command, check=True, capture_output=True)
    assert (
        "absent or cannot be decoded" in json.loads(result.read_text())["pickled-column"]["error"]
    )


def test_the_torch_loader_gives_the_tables_order_and_labels(job):
    pytest.importorskip("torch.utils.data", reason="PyTorch is not installed")
    found = compare(PIPELINES["torch-loader"].open(job), job)
    assert found["same_order"]
    assert found["labels_right"] == 1
    assert found["mean_difference"] < 10
