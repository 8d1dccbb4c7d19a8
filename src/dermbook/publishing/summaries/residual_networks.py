"""What the chapter on residual networks found."""

from dermbook.publishing.compare import measured_text, plain
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.record import Record


def residual_networks(record: Record) -> list[str]:
    """Parameters, scores, the two networks against each other, and what skips do to gradients."""
    sentences = [*_parameters(record), *_scores(record)]
    if "paired" in record.series:
        frame = record.series_frame("paired")
        row = effect(frame, "", "balanced_accuracy")
        shown = row["low"] > 0 or row["high"] < 0
        sentences.append(
            f"{row['comparison']}: balanced accuracy {with_interval(row)}. "
            + (
                "The interval leaves out zero. "
                if shown
                else "The interval holds zero: on this test part neither is shown to be better. "
            )
            + f"{int(row['only_first'])} images only the first gets right, "
            f"{int(row['only_second'])} only the second (McNemar's exact test, "
            f"p {_p(row['p_value'])})."
        )
    return [*sentences, *_gradients(record)]


def _parameters(record: Record) -> list[str]:
    frame = record.series_frame("parameters")
    same = (frame["reported"] == frame["trainable"]).all()
    numbers = " and ".join(f"{value:,}" for value in frame["trainable"])
    return [
        f"Built layer for layer, the full-size networks have {numbers} trainable weights: "
        + ("to the last one what R3 prints." if same else "not what R3 prints.")
    ]


def _scores(record: Record) -> list[str]:
    curves = record.series_frame("learning-curves")
    sentences = []
    for name, model in record.models.items():
        rows = curves[curves["model"] == name]
        best = rows[rows["best"].astype(bool)].iloc[0]
        sentences.append(
            f"`{name}` ({model.weights:,} weights): balanced accuracy "
            f"{measured_text(record.metric(name, 'test', 'balanced_accuracy'))}, accuracy "
            f"{measured_text(record.metric(name, 'test', 'accuracy'))}, macro F1 "
            f"{measured_text(record.metric(name, 'test', 'f1_macro'))}. Epoch {int(best['epoch'])} "
            f"of {len(rows)} was kept, with an accuracy of {plain(best['accuracy'])} in training "
            f"and {plain(best['val_accuracy'])} in validation."
        )
    return sentences


def _gradients(record: Record) -> list[str]:
    frame = record.series_frame("gradient-summary").set_index(["network", "arm"])
    sentences = []
    for network in frame.index.get_level_values("network").unique():
        with_, without = (frame.loc[(network, arm), "first"] for arm in ("with skips", "without"))
        factor = without / with_
        sentences.append(
            f"Before any training, the gradient of the first convolution of `{network}`, relative "
            f"to its weights, is {_number(with_)} with skips and {_number(without)} without them: "
            + (
                f"without them it is {_number(factor)} times as large."
                if factor >= 1
                else f"with them it is {_number(1 / factor)} times as large."
            )
        )
    return sentences


def _number(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _p(value: float) -> str:
    return "below .001" if value < 0.001 else plain(value)
