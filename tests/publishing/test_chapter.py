"""A chapter while it runs: strict parameters, honest figures, a complete Record."""

import logging
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fake_book import CHECKOUT
from records import make_record

from dermbook import plots
from dermbook.data.collection import Collection
from dermbook.errors import ChapterError, DataError, ParameterError, RecordError
from dermbook.evaluation import Predictions
from dermbook.models.transfer import build_transfer
from dermbook.paths import build_dir, results_dir
from dermbook.publishing.chapter import open_chapter
from dermbook.publishing.publish import publish
from dermbook.publishing.record import Record
from dermbook.publishing.template import new_chapter

REPORTED = CHECKOUT / "book" / "reported.yaml"


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book with the chapters first-steps and, needing it, second-steps."""
    root = tmp_path / "root"
    (root / "notebooks").mkdir(parents=True)
    (root / "_toc.yml").write_text("format: jb-book\n")
    (root / "book").mkdir()
    (root / "book" / "reported.yaml").symlink_to(REPORTED)
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    monkeypatch.delenv("DERMBOOK_OUTPUT", raising=False)
    new_chapter(42, "first-steps", "First steps")
    path = new_chapter(43, "second-steps", "Second steps")
    path.write_text(path.read_text().replace("needs: []", "needs: [first-steps]"))
    return root


def opened(name="first-steps", **changes):
    return open_chapter(name, {"edition": "quick", "seed": 3, "collection": "phantom"} | changes)


def predictions_of(collection, *, part="test", model="a-model"):
    ids = collection.ids[:40]
    probabilities = [[0.4] + [0.1] * 6] * len(ids)
    return Predictions.from_probabilities(ids, probabilities, collection, model=model, part=part)


CLASSES = pd.DataFrame({"class": ["mel", "nv"], "count": [3, 7], "percent": [30.0, 70.0]})


def test_parameters_come_from_the_notebook_and_are_checked(book):
    chapter = opened()
    assert chapter.parameters == {
        "edition": "quick",
        "seed": 3,
        "collection": "phantom",
        "images": 210,
    }
    with pytest.raises(ParameterError, match="seed"):
        opened(seed="three")
    with pytest.raises(ChapterError, match="no chapter 'third-steps'"):
        opened("third-steps")


def test_what_papermill_injects_beyond_the_parameters_is_refused(book):
    cells = ["", "# Parameters\nsede = 4\nimages = 50\n"]
    with pytest.raises(ParameterError, match=r"sede.*seed"):
        opened(In=cells, sede=4, images=50)
    assert opened(In=["", "# Parameters\nimages = 50\n"], images=50).parameters["images"] == 50


def test_a_chapter_leaves_a_record_and_predictions(book, small_phantom):
    chapter = opened()
    chapter.uses(small_phantom)
    chapter.add_predictions(predictions_of(small_phantom))
    chapter.add_series("classes", CLASSES)
    with chapter.timing("step"):
        pass
    chapter.close()
    folder = book / "_build" / "scratch" / "quick"
    record = Record.load(folder / "records" / "first-steps.json")
    assert record.phantom
    assert record.seeds == [3]
    assert record.data[0].images == len(small_phantom)
    assert record.models["a-model"].task == "7 classes"
    assert record.metric("a-model", "test", "accuracy").n == 40
    assert set(record.timings) == {"step"}
    assert record.code.sources
    kept = Predictions.load(folder / "predictions/first-steps/a-model--test.parquet")
    assert len(kept) == 40


def test_a_part_is_scored_once(book, small_phantom):
    chapter = opened()
    chapter.uses(small_phantom)
    chapter.add_predictions(predictions_of(small_phantom))
    with pytest.raises(RecordError, match="once"):
        chapter.add_predictions(predictions_of(small_phantom))
    with pytest.raises(ParameterError, match="lower-case"):
        chapter.add_predictions(predictions_of(small_phantom, model="../evil"))


def test_captions_say_phantom_and_the_published_run_comes_first(book, small_phantom):
    chapter = opened()
    chapter.uses(small_phantom)
    chapter.add_series("classes", CLASSES)
    alone = chapter.figure("classes", plots.class_bars, caption="Bars.", alt="Bars.").markdown
    assert "Bars. Phantom data." in alone

    published = make_record(
        chapter="first-steps", series={"classes": CLASSES.to_dict("list")}, answers=[]
    )
    published.save(results_dir() / "laptop" / "first-steps.json")
    chapter = opened()
    chapter.uses(small_phantom)
    chapter.add_series("classes", CLASSES)
    both = chapter.figure("classes", plots.class_bars, caption="Bars.", alt="Bars.").markdown
    assert both.index("Published · laptop · HAM10000") < both.index("This run · quick · phantom")
    assert "shows phantom data" in both
    only = chapter.figure(
        "classes", plots.class_bars, caption="Bars.", alt="Bars.", of="everything"
    ).markdown
    assert "Published" not in only


def test_a_figure_needs_its_series_first(book):
    with pytest.raises(RecordError, match="classes"):
        opened().figure("classes", plots.class_bars, caption="C.", alt="A.")


def test_real_images_are_never_rendered(book, small_phantom):
    figure = plots.class_grid(small_phantom, small_phantom.ids[:3])
    chapter = opened()
    words = {"caption": "C.", "alt": "A."}
    shown = chapter.picture("p", figure, collection=small_phantom, **words)
    assert "Phantom. C." in shown.markdown
    real = Collection("ham10000", small_phantom.table, small_phantom.classes, small_phantom.source)
    with pytest.raises(DataError, match="never rendered"):
        chapter.picture("p", figure, collection=real, **words)


def test_needs_must_be_declared_and_there(book, small_phantom):
    with pytest.raises(ChapterError, match="does not declare"):
        opened().needed_predictions("second-steps", "a-model", "test")
    with pytest.raises(ChapterError, match="dermbook run first-steps --edition quick"):
        opened("second-steps").needed_predictions("first-steps", "a-model", "test")
    with pytest.raises(ChapterError, match="has not run"):
        opened("second-steps").needed_record("first-steps")
    chapter = opened()
    chapter.uses(small_phantom)
    chapter.add_predictions(predictions_of(small_phantom))
    chapter.close()
    second = opened("second-steps")
    found = second.needed_predictions("first-steps", "a-model", "test")
    assert found.model == "a-model"
    assert second.phantom


def test_a_kept_network_is_whole(book):
    with pytest.raises(ChapterError, match="does not declare"):
        opened().needed_model("second-steps", "a-model")
    with pytest.raises(ChapterError, match="dermbook run first-steps --edition quick"):
        opened("second-steps").needed_model("first-steps", "a-model")
    model = build_transfer("tiny", (16, 24, 3), 3, seed=1)
    path = opened().keep_model(SimpleNamespace(name="a-model", model=model))
    assert [each.name for each in path.parent.iterdir()] == ["a-model.keras"]
    found = opened("second-steps").needed_model("first-steps", "a-model")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), dtype=np.uint8)
    np.testing.assert_array_equal(found.predict_on_batch(pixels), model.predict_on_batch(pixels))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ChapterError, match=r"a-model\.keras cannot be read.*run its chapter again"):
        opened("second-steps").needed_model("first-steps", "a-model")


def test_only_real_runs_are_published_and_all_or_nothing(book):
    records = build_dir("laptop") / "records"
    make_record(chapter="first-steps", answers=[]).save(records / "first-steps.json")
    make_record(chapter="second-steps", phantom=True).save(records / "second-steps.json")
    with pytest.raises(RecordError, match=r"second-steps.*phantom"):
        publish(["first-steps", "second-steps"], "laptop")
    assert not results_dir().exists()
    written = publish(["first-steps"], "laptop")
    assert [path.name for path in written] == ["first-steps.json"]
    with pytest.raises(RecordError, match="Run the chapter"):
        publish(["exploration"], "laptop")


def test_predictions_of_earlier_runs_are_not_published(book):
    folder = build_dir("laptop") / "predictions" / "first-steps"
    published = results_dir() / "laptop" / "predictions" / "first-steps"
    record = make_record(chapter="first-steps", answers=[])
    record.save(build_dir("laptop") / "records" / "first-steps.json")
    model = next(iter(record.models))
    for path in (
        folder / f"{model}--test.parquet",
        folder / "gone--test.parquet",
        published / "gone--validation.parquet",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"numbers")
    publish(["first-steps"], "laptop")
    assert [path.name for path in published.iterdir()] == [f"{model}--test.parquet"]


def test_the_record_names_the_code_that_was_there_at_the_start(book, small_phantom):
    chapter = opened()
    chapter.uses(small_phantom)
    before = chapter.record().code.sources
    script = book / "notebooks" / "42_first_steps.py"
    script.write_text(script.read_text() + "\n# edited while it ran\n")
    assert chapter.record().code.sources == before
    assert opened().record().code.sources != before


def test_a_submission_is_a_challenge_csv_or_a_sentence(book, small_phantom):
    chapter = opened()
    chapter.uses(small_phantom)
    assert "named no official test set" in chapter.submission("a-model", None).markdown
    note = chapter.submission("a-model", predictions_of(small_phantom)).markdown
    name = "phantom--quick--a-model.csv"
    assert name in note
    lines = (chapter.output / "submissions" / name).read_text().splitlines()
    assert lines[0] == "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
    assert len(lines) == 41


def test_a_phantom_series_is_called_so_in_a_chapter_about_real_data(book, small_phantom):
    """A chapter may judge a method on the phantom and then use it on patients."""
    real = Collection("ham10000", small_phantom.table, small_phantom.classes, small_phantom.source)
    chapter = opened()
    chapter.uses(real)
    chapter.add_series("classes", CLASSES)
    told = []

    def draw(frame, *, phantom):
        told.append(phantom)
        return plots.class_bars(frame, phantom=phantom)

    block = chapter.figure("classes", draw, caption="Bars.", alt="Bars.", of="phantom")
    assert told == [True]
    assert "Bars. Phantom data." in block.markdown
    own = chapter.table("classes", caption="On the phantom.", of="phantom")
    assert "On the phantom." in own.markdown
    assert "Phantom data." not in own.markdown
    chapter.figure("classes", draw, caption="Bars.", alt="Bars.")
    assert told == [True, False]


def test_tensorflow_complains_of_other_things_than_many_small_networks(book):
    opened()
    (chosen,) = logging.getLogger("tensorflow").filters

    def record(text):
        return logging.LogRecord("tensorflow", logging.WARNING, "", 0, text, (), None)

    assert not chosen(record("5 out of the last 5 calls to f triggered tf.function retracing."))
    assert chosen(record("The file is damaged."))
