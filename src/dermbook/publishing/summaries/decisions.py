"""What the chapter on decisions and thresholds found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def decisions(record: Record) -> list[str]:
    """Chance, averages, rare classes, the price of a threshold, calibration, two models."""
    sentences = [*_tables(record), *_rare(record), *_thresholds(record)]
    # Records of before temperature scaling and the paired tests lack these
    if "temperatures" in record.series:
        sentences += _temperatures(record)
    if "paired-tests" in record.series:
        sentences += _paired(record)
    return sentences


def _tables(record: Record) -> list[str]:
    chance = record.series_frame("chance").set_index("matrix")
    published, ours = chance.iloc[1], chance.iloc[2]
    averages = record.series_frame("averages").set_index("metric")["value"]
    sentences = [
        f"R4's published matrix is {plain(published['accuracy'])} accurate, and two unrelated "
        f"columns with its totals would be {plain(published['by_chance'])}: κ "
        f"{published['kappa']:.3f}. Our model has κ {ours['kappa']:.3f}.",
        f"One set of predictions, three F1 scores: micro {plain(averages['f1_micro'])} (which is "
        f"the accuracy), weighted {plain(averages['f1_weighted'])}, macro "
        f"{plain(averages['f1_macro'])}.",
    ]
    if "own-metrics" in record.series:
        row = record.series_frame("own-metrics").iloc[1]
        sentences.append(
            f"R4's recall, computed its way on our predictions, is {plain(row['batches'])}: that "
            f"of `{row['counted']}`, a batch without it counted as zero. Over the whole part that "
            f"class has {plain(row['part'])}, and the macro recall is {plain(row['named'])}."
        )
    return sentences


def _rare(record: Record) -> list[str]:
    recalls = record.series_frame("recalls")
    widest = recalls.loc[(recalls["high"] - recalls["low"]).idxmax()]
    sentences = [
        f"The widest interval belongs to `{widest['class']}` ({widest['model']}, {widest['n']} "
        f"images): {plain(widest['low'])} to {plain(widest['high'])}."
    ]
    if "coverage" in record.series:
        means = record.series_frame("coverage").groupby("method")["coverage"].mean()
        images = record.series_frame("rare-class")["images"].iloc[0]
        sentences.append(
            f"Averaged over all true proportions, an interval of {images} images that promises "
            f"95 % holds the truth in {means['Wilson']:.0%} of samples if it is Wilson's, "
            f"{means['percentile bootstrap']:.0%} if bootstrapped, {means['Wald']:.0%} if it is "
            "the textbook's."
        )
    return sentences


def _thresholds(record: Record) -> list[str]:
    thresholds = record.series_frame("thresholds")
    half, cheap = thresholds.iloc[0], thresholds.iloc[1]
    return [
        f"At a threshold of one half {half['missed']} malignant images of the test part are missed "
        f"and {half['false_alarms']} benign ones sent; at the cheapest threshold "
        f"({plain(cheap['threshold'])}) {cheap['missed']} and {cheap['false_alarms']}."
    ]


def _temperatures(record: Record) -> list[str]:
    effects = record.series_frame("temperature-effects")
    sentences = []
    for fit in record.series_frame("temperatures").to_dict("records"):
        same = (effects["model"] == fit["model"]) & (effects["classes"] == fit["classes"])
        rows = effects[same].set_index("metric")
        ece, loss = rows.loc["ece"], rows.loc["log_loss"]
        sentences.append(
            f"Temperature of `{fit['model']}` ({fit['classes']} classes): "
            f"{plain(fit['temperature'])} ({plain(fit['low'])}–{plain(fit['high'])}), fitted on "
            f"{fit['images']:,} validation images. On the test part the calibration error goes "
            f"from {plain(ece['before'])} to {plain(ece['after'])} (difference "
            f"{_signed(ece['low'])} to {_signed(ece['high'])}), the log loss from "
            f"{plain(loss['before'])} to {plain(loss['after'])} ({_signed(loss['low'])} to "
            f"{_signed(loss['high'])}). {int(ece['changed'])} decisions changed."
        )
    return sentences


def _paired(record: Record) -> list[str]:
    tests = record.series_frame("paired-tests")
    sentences = []
    for pair in tests["pair"].unique():
        rows = tests[tests["pair"] == pair].set_index(["score", "test"])
        exact = rows.loc[("accuracy", "McNemar, exact")]
        lesions = rows.loc[("accuracy", "bootstrap of lesions")]
        text = (
            f"{pair}: accuracy {_signed(exact['difference'])}, McNemar's p {_p(exact['p'])}, "
            f"bootstrap of lesions {_signed(lesions['low'])} to {_signed(lesions['high'])}"
        )
        if ("roc_auc", "DeLong") in rows.index:
            by_image = rows.loc[("roc_auc", "DeLong")]
            by_lesion = rows.loc[("roc_auc", "DeLong, lesions added up")]
            text += (
                f"; ROC AUC {_signed(by_image['difference'])}, DeLong's interval "
                f"{_signed(by_image['low'])} to {_signed(by_image['high'])} (p "
                f"{_p(by_image['p'])}) of images, {_signed(by_lesion['low'])} to "
                f"{_signed(by_lesion['high'])} (p {_p(by_lesion['p'])}) of lesions"
            )
        sentences.append(text + ".")
    return sentences


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)


def _p(value: float) -> str:
    return "below .001" if value < 0.001 else plain(value)
