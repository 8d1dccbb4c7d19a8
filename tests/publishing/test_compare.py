"""Reported, published, this run: the verdict follows its rule."""

import pytest
from records import make_record

from dermbook.errors import RecordError
from dermbook.publishing.compare import (
    Claim,
    comparison_of,
    findings_of,
    judge_claim,
    measured_text,
    plain,
)
from dermbook.publishing.record import Answer, Metric

ANSWER = Answer(claim="x", model="r2-cnn", part="test", metric="accuracy")
COUNT = Answer(claim="x", model="ham10000", part="all", metric="lesions")


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.70, "confirmed"), (0.74, "confirmed"), (0.699, "not confirmed"), (0.75, "not confirmed")],
)
def test_a_claim_inside_the_interval_is_confirmed(value, verdict):
    claim = Claim("figure", str(value), value)
    assert judge_claim(claim, ANSWER, make_record())[0] == verdict


@pytest.mark.parametrize(
    ("stated", "value", "verdict"),
    [
        ("7470", 7470, "confirmed"),
        ("7,500", 7500, "not confirmed"),
        ("7470.4", 7470.4, "not confi"),
    ],
)
def test_a_count_must_agree_to_the_digits_printed(stated, value, verdict):
    assert judge_claim(Claim("f", stated, value), COUNT, make_record())[0].startswith(verdict)


def test_a_rounded_mean_agrees_to_its_digits():
    metric = Metric(model="h", part="all", metric="age", value=51.8638283, interval="exact")
    answer = Answer(claim="x", model="h", part="all", metric="age")
    record = make_record(metrics=[metric])
    assert judge_claim(Claim("f", "51.863828", 51.863828), answer, record)[0] == "confirmed"
    assert judge_claim(Claim("f", "51.87", 51.87), answer, record)[0] == "not confirmed"


@pytest.mark.parametrize(
    ("claim", "answer", "changes", "why"),
    [
        (Claim("f", ".72", 0.72), ANSWER, {"phantom": True}, "phantom"),
        (Claim("f", "high", None), ANSWER, {}, "no number"),
        (Claim("f", ".72", 0.72), ANSWER, {"metrics": []}, "not measured"),
        (
            Claim("f", ".72", 0.72),
            ANSWER.model_copy(update={"not_comparable": "another mix of classes"}),
            {},
            "another mix",
        ),
    ],
)
def test_what_cannot_be_compared_says_why(claim, answer, changes, why):
    verdict, because = judge_claim(claim, answer, make_record(**changes))
    assert verdict == "cannot be compared"
    assert why in because


def test_text_of_measurements():
    metric = Metric(model="m", part="test", metric="a", value=0.6309, low=0.6, high=1.0)
    assert measured_text(metric) == ".631 (.600–1.000)"
    assert measured_text(None) == "–"
    assert plain(-0.008) == "-.008"
    count = Metric(model="m", part="all", metric="n", value=10015, interval="exact")
    assert measured_text(count) == "10,015"


def test_table_has_reported_published_and_this_run_side_by_side():
    published = make_record()
    run = make_record(edition="quick", phantom=True)
    frame = comparison_of("cnn-from-scratch", published=published, run=run)
    lesions = frame.set_index("claim").loc["R4.lesions"]
    assert lesions["reported"] == "7470 rows"
    assert lesions["published"] == lesions["this run"] == "7,470"
    # the published, real run decides, not the phantom
    assert lesions["verdict"].startswith("confirmed")
    score = frame.set_index("claim").loc["R2.mobilenet:mobilenetv2:test-accuracy"]
    assert score["verdict"].startswith("confirmed")


def test_an_unknown_claim_is_an_error_that_names_it():
    record = make_record(
        answers=[Answer(claim="R9.none", model="r2-cnn", part="test", metric="accuracy")]
    )
    with pytest.raises(RecordError, match=r"R9\.none"):
        findings_of(record)
