"""Small Records for tests: a real-looking one and a phantom one."""

from datetime import UTC, datetime

from dermbook.publishing.record import Answer, Code, DataUsed, Hardware, Metric, Model, Record


def make_record(**changes) -> Record:
    """A complete Record of an imaginary laptop run on HAM10000; ``changes`` replace its fields."""
    fields = {
        "chapter": "cnn-from-scratch",
        "title": "CNNs from scratch",
        "edition": "laptop",
        "phantom": False,
        "parameters": {"epochs": 3, "malignant": ["mel", "bcc"]},
        "seeds": [0],
        "data": [
            DataUsed(
                collection="ham10000",
                fingerprint="f" * 64,
                images=10015,
                groups=7470,
                phantom=False,
                split="lesion-grouped, seed 0",
                parts={"train": 7000, "test": 1500},
            )
        ],
        "code": Code(version="0.1.0", commit="abc123def456", modified=False, sources="0" * 64),
        "hardware": Hardware(
            processor="A processor",
            cores=2,
            threads=2,
            memory_gib=24.0,
            accelerator=None,
            system="Linux x86_64",
            python="3.11.7",
            backend="tensorflow 2.21",
        ),
        "started": datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        "duration_s": 754.2,
        "models": {
            "r2-cnn": Model(
                task="7 classes",
                classes=["mel", "nv"],
                collection="ham10000",
                phantom=False,
                protocol="lesion-grouped",
                weights=1000,
            )
        },
        "metrics": [
            Metric(
                model="r2-cnn",
                part="test",
                metric="accuracy",
                value=0.72,
                low=0.70,
                high=0.74,
                n=1500,
                interval="lesion bootstrap",
            ),
            Metric(model="ham10000", part="all", metric="lesions", value=7470.0, interval="exact"),
        ],
        "series": {"curve": {"epoch": [1, 2], "loss": [1.5, None], "model": ["a", "a"]}},
        "answers": [
            Answer(claim="R4.lesions", model="ham10000", part="all", metric="lesions"),
            Answer(
                claim="R2.mobilenet:mobilenetv2:test-accuracy",
                model="r2-cnn",
                part="test",
                metric="accuracy",
            ),
        ],
    }
    return Record(**(fields | changes))
