"""The appendices: numbers from Records only, no lesson missing, no page left out."""

import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from fake_book import CHECKOUT
from records import make_record

from dermbook.errors import DataError
from dermbook.publishing import appendix
from dermbook.publishing.appendix import questions
from dermbook.publishing.appendix.model_card import published_model
from dermbook.publishing.header import read_headers
from dermbook.publishing.record import Metric, Model, published_record
from dermbook.publishing.reported import load_reported

PAGES = CHECKOUT / "book" / "appendix"
LESSONS = [f"M{number}" for number in range(1, 18)]


def rows_of(text: str, table: str) -> dict[str, str]:
    """First column to second of a table in MyST, by its label."""
    body = text.split(f":name: {table}\n")[1].split(":::::::")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {cell[0]: cell[1] for cell in cells}


@pytest.fixture(scope="module")
def files():
    return appendix.appendix_files(read_headers())


# ---- what is included -----------------------------------------------------------------------


def test_every_included_file_is_made_and_has_a_placeholder(files):
    assert set(files) == set(appendix.INCLUDED)
    for name, text in files.items():
        assert text.strip(), name
        assert "make book" in (PAGES / name).read_text(encoding="utf-8")


def test_pages_include_all_that_is_made_and_nothing_else():
    pages = [path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")]
    included = {name for page in pages for name in re.findall(r"\{include\} (\S+)", page)}
    phantom = {"phantom-difficulty.inc", "phantom-clinical-difficulty.inc"}
    assert included == set(appendix.INCLUDED) | phantom


def test_every_page_of_the_appendix_is_in_the_table_of_contents():
    toc = yaml.safe_load((CHECKOUT / "_toc.yml").read_text(encoding="utf-8"))
    listed = {entry["file"] for part in toc["parts"] for entry in part["chapters"]}
    assert {f"book/appendix/{path.stem}" for path in PAGES.glob("*.md")} <= listed


def test_links_between_pages_lead_somewhere(files):
    texts = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")} | files
    for name, text in texts.items():
        for target in re.findall(r"\]\(([^)#]+\.(?:md|ipynb))", text):
            assert (PAGES / target).resolve().is_file(), f"{name}: {target}"


@pytest.mark.parametrize("page", ["ham10000-datasheet", "fitzpatrick17k-datasheet"])
def test_a_datasheet_has_all_sections_and_cites_its_sources(page):
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    heads = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "Motivation",
        "Composition",
        "Collection process",
        "Preprocessing, cleaning and labelling",
        "Uses",
        "Distribution",
        "Maintenance",
    ]
    assert "gebru2021datasheets" in text


def test_the_phantoms_datasheet_has_the_same_sections():
    text = (PAGES / "phantom-datasheet.md").read_text(encoding="utf-8")
    heads = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    for head in ("Motivation", "Composition", "Collection process", "Uses", "Distribution"):
        assert head in heads
    assert {"Preprocessing, cleaning and labelling", "Maintenance"} <= set(heads)


# ---- datasheets -----------------------------------------------------------------------------


def test_ham10000_counts_are_those_of_the_reports_and_of_the_paper(files):
    counts = rows_of(files["ham10000-composition.inc"], "ham10000-counts")
    # R4 prints 10,015 images, 7,470 lesions, 57 missing ages
    assert counts["images"] == "10,015"
    assert counts["lesions"] == "7,470"
    assert counts["without age"].startswith("57 ")
    # R4.classes
    images = load_reported().table("R4.classes")["images"]
    classes = rows_of(files["ham10000-composition.inc"], "ham10000-classes")
    assert {name: int(text.replace(",", "")) for name, text in classes.items()} == {
        name: int(value) for name, value in images.items()
    }


def test_grounds_of_diagnosis_sum_to_the_images_of_a_class(files):
    text = files["ham10000-composition.inc"].split(":name: ham10000-classes\n")[1]
    lines = [line for line in text.split(":::::::")[0].splitlines() if line.startswith("|")]
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")]
    first = heads.index("histopathology")
    for line in lines[2:]:
        cells = [cell.strip().replace(",", "") for cell in line.strip("|").split("|")]
        assert sum(int(cell) for cell in cells[first:]) == int(cells[1])
    # every malignant lesion was confirmed under the microscope
    assert all(line.endswith(" 0 | 0 | 0 |") for line in lines if line.startswith("| mel"))


def test_fitzpatrick17k_counts_are_those_of_the_paper(files):
    counts = rows_of(files["fitzpatrick17k-composition.inc"], "fitzpatrick17k-counts")
    # Groh et al. 2021: 16,577 images, 114 conditions, 53 to 653 images each
    assert counts["rows"] == "16,577"
    assert counts["conditions"] == "114"
    assert counts["images of the most frequent condition"] == "653"
    assert counts["images of the rarest condition"] == "53"
    review = rows_of(files["fitzpatrick17k-review.inc"], "fitzpatrick17k-doubts")
    assert review["rows reviewed"] == "504 (3.0 %)"
    assert review["of these “wrongly labelled”"] == "17 (3.4 %)"


def test_pairs_on_two_sides_are_counted_with_the_split_file():
    split = pd.read_csv(CHECKOUT / "data/splits/ham10000.csv", comment="#").set_index("image_id")
    record = published_record("data-cleaning")
    pairs = record.series_frame("across")
    apart = sum(
        split["part"][a] != split["part"][b]
        for a, b in zip(pairs["image_id"], pairs["other"], strict=True)
    )
    text = appendix.ham10000_facts({"data-cleaning": record})["ham10000-cleaning.inc"]
    counts = rows_of(text, "ham10000-copies")
    assert counts["of these in different parts of the book's split"] == f"{apart}"


def test_without_records_the_datasheets_say_so():
    for texts in (appendix.ham10000_facts({}), appendix.fitzpatrick17k_facts({})):
        missing = [text for name, text in texts.items() if "source" not in name]
        assert len(missing) == 2
        assert all("no run has been published yet" in " ".join(t.split()) for t in missing)
        assert not any("| " in text for text in missing)


def test_a_phantom_run_never_reaches_the_appendices(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "_toc.yml").write_text("")
    (tmp_path / "data").symlink_to(CHECKOUT / "data")
    (tmp_path / "book" / "reported.yaml").symlink_to(CHECKOUT / "book" / "reported.yaml")
    monkeypatch.setenv("DERMBOOK_ROOT", str(tmp_path))
    run = best_record(phantom=True)
    run.save(tmp_path / "_build/quick/records/fine-tuning.json")
    texts = appendix.appendix_files({})
    assert "No model has been published yet" in texts["model-card-details.inc"]
    # not even when somebody publishes one
    run.save(tmp_path / "book/results/laptop/fine-tuning.json")
    texts = appendix.appendix_files({})
    assert "No model has been published yet" in texts["model-card-details.inc"]
    assert ".612" not in json.dumps(texts)


# ---- model card -----------------------------------------------------------------------------


def best_record(**changes):
    """A Record of an imaginary fine-tuning on HAM10000, with one other model."""
    model = "net-fine-tuned"

    def metric(name, value, class_="", part="test", of=model):
        return Metric(
            model=of, part=part, metric=name, class_=class_, value=value,
            low=value - 0.1, high=value + 0.1, n=1500,
        )  # fmt: skip

    metrics = [
        metric("balanced_accuracy", 0.612),
        metric("balanced_accuracy", 0.7, part="validation"),
        metric("balanced_accuracy", 0.444, of="ft-other"),
        metric("recall", 0.5, "mel"),
        metric("recall", 0.8, "nv"),
        Metric(model=model, part="test", metric="support", class_="mel", value=167.0),
    ]
    what = Model(
        task="7 classes", classes=["mel", "nv"], collection="ham10000", phantom=False,
        protocol="lesion-grouped", weights=23522375,
    )  # fmt: skip
    series = {
        "best-scores": {"model": [model], "metric": ["balanced_accuracy"], "value": [0.612]},
        "best-curve": {"epoch": [1, 2, 3], "best": [False, True, False]},
    }
    fields = {
        "chapter": "fine-tuning",
        "title": "Fine-tuning",
        "models": {model: what, "ft-other": what},
        "metrics": metrics,
        "series": series,
        "parameters": {"best_backbone": "net", "best_rate": 0.0003, "seed": 0},
        "timings": {f"train {model}": 720.0},
        "answers": [],
    }
    return make_record(**(fields | changes))


def test_the_card_shows_the_best_network_and_no_other():
    record = best_record()
    assert published_model(record) == "net-fine-tuned"
    texts = appendix.model_card_facts({"fine-tuning": record})
    details = rows_of(texts["model-card-details.inc"], "model-card-details")
    assert details["name"] == "net-fine-tuned"
    assert details["parameters of the network"] == "23,522,375"
    assert (details["epochs trained"], details["epoch kept"]) == ("3", "2")
    assert details["minutes of training"] == "12.0"
    scores = texts["model-card-scores.inc"]
    assert "| balanced accuracy | .700 (.600–.800) | .612 (.512–.712) |" in scores
    assert ".444" not in scores
    classes = rows_of(scores, "model-card-classes")
    assert classes == {"mel": "167", "nv": "–"}
    parts = texts["model-card-training.inc"]
    assert "| ham10000 | train | 7,000 | lesion-grouped, seed 0 |" in parts
    assert "no run has been published" in texts["model-card-groups.inc"]


def test_scores_by_group_are_of_the_model_and_carry_intervals():
    groups = {
        "model": ["net-fine-tuned", "net-fine-tuned", "other"],
        "attribute": ["sex", "sex", "sex"],
        "group": ["female", "male", "male"],
        "metric": ["balanced_accuracy"] * 3,
        "value": [0.61, 0.63, 0.99],
        "low": [0.55, 0.57, 0.9],
        "high": [0.67, 0.69, 1.0],
        "n": [700, 790, 10],
    }
    fair = make_record(chapter="fairness-and-shift", series={"groups": groups}, answers=[])
    records = {"fine-tuning": best_record(), "fairness-and-shift": fair}
    text = appendix.model_card_facts(records)["model-card-groups.inc"]
    assert "female" in text
    assert ".610 (.550–.670)" in text
    assert ".990" not in text
    bare = make_record(chapter="fairness-and-shift", series={}, answers=[])
    text = appendix.model_card_facts(records | {"fairness-and-shift": bare})
    assert "keeps no table" in text["model-card-groups.inc"]


def test_a_record_without_a_best_network_publishes_no_model():
    record = best_record(series={})
    assert published_model(record) is None
    texts = appendix.model_card_facts({"fine-tuning": record})
    assert "No model has been published yet" in texts["model-card-details.inc"]


# ---- checklist ------------------------------------------------------------------------------


def test_the_checklist_asks_one_question_a_lesson_and_links_each(files):
    text = files["checklist.inc"]
    boxes = [line for line in text.splitlines() if line.startswith("- [ ] ")]
    asked = [re.search(r"\*(M\d+):\*", line)[1] for line in boxes]
    assert sorted(asked, key=lambda name: int(name[1:])) == LESSONS
    for line in boxes:
        assert line.count("?**") == 1
        assert "](../../notebooks/" in line, line


def test_links_follow_the_headers():
    header = SimpleNamespace(
        title="A chapter", lessons=("M4",), notebook=SimpleNamespace(name="42_a.ipynb")
    )
    text = questions.checklist({"a": header})
    (line,) = [line for line in text.splitlines() if "*M4:*" in line]
    assert line.endswith("*M4:* [A chapter](../../notebooks/42_a.ipynb)")
    assert text.count("no chapter yet") == 16


def test_a_forgotten_lesson_is_an_error(monkeypatch):
    few = tuple((title, names[1:]) for title, names in questions.SECTIONS)
    monkeypatch.setattr(questions, "SECTIONS", few)
    with pytest.raises(DataError, match=r"differ: M1, M16, M4, M5\."):
        questions.checklist({})


def test_the_checklist_fits_a_page(files):
    words = len(re.sub(r"\]\([^)]*\)", "]", files["checklist.inc"]).split())
    # about what a page of A4 holds in the size that the style sheet prints it in
    assert words < 750


# ---- glossary -------------------------------------------------------------------------------


def test_terms_are_sorted_unique_and_refer_to_terms():
    text = (PAGES / "glossary.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{glossary\}\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    assert all(block.startswith(":sorted:\n") for block in blocks)
    terms = [line for block in blocks for line in block.splitlines()[1:] if line[:1].strip()]
    assert len(terms) == len({term.lower() for term in terms})
    for target in re.findall(r"\{term\}`([^`]+)`", text):
        name = re.sub(r".*<(.+)>", r"\1", target)
        assert name.lower() in {term.lower() for term in terms}, target
    for wanted in (
        "backbone", "bilinear pooling", "batch normalisation in inference mode", "calibration",
        "center loss", "Dice coefficient", "IoU", "early stopping", "ensemble", "fine-tuning",
        "Fréchet distance", "Grad-CAM", "greedy selection", "label smoothing",
        "lesion-grouped split", "macro, micro and weighted average", "mixed precision",
        "out-of-fold prediction", "paired bootstrap", "stacking", "temperature scaling",
        "test-time augmentation", "Wilson interval",
    ):  # fmt: skip
        assert wanted in terms
