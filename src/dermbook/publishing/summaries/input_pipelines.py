"""What the chapter on input pipelines found."""

from dermbook.publishing.compare import plain
from dermbook.publishing.record import Record


def input_pipelines(record: Record) -> list[str]:
    """Speed and cost of the pipelines, labels by folder, the two mismatches, the statistics."""
    race = record.series_frame("race").dropna(subset=["images"]).set_index("pipeline")
    fastest = race["images_per_second_second"].idxmax()
    slowest = race["images_per_second_second"].idxmin()
    ratio = (
        race.loc[fastest, "images_per_second_second"]
        / (race.loc[slowest, "images_per_second_second"])
    )
    largest = race["disk_mb"].idxmax()
    hungry = (race["peak_mb"] - race["base_mb"]).idxmax()
    sentences = [
        f"From the second epoch on `{fastest}` gives {ratio:,.0f} times as many images a second as "
        f"`{slowest}` ({race.loc[fastest, 'images_per_second_second']:,.0f} against "
        f"{race.loc[slowest, 'images_per_second_second']:,.0f}).",
        f"`{largest}` takes most room on disk, {race.loc[largest, 'disk_mb']:.1f} MB for "
        f"{race['images'].max():,.0f} images; `{hungry}` takes most memory, "
        f"{race.loc[hungry, 'peak_mb'] - race.loc[hungry, 'base_mb']:,.0f} MB above the start.",
        _sameness(race),
        _orders(record),
        *_swaps(record),
        _statistics(record),
    ]
    missing = record.series_frame("race").set_index("pipeline")["note"]
    missing = missing[missing.str.startswith("not run")]
    return sentences + [f"`{name}`: {note}." for name, note in missing.items()]


def _sameness(race) -> str:
    wrong = race[race["labels_right"] < 1]
    far = race["max_difference"].idxmax()
    text = (
        f"Not all pipelines give the same pixels: `{far}` differs from the reference by up to "
        f"{race.loc[far, 'max_difference']:.0f} of 255 grey levels in a pixel, "
        f"{race.loc[far, 'mean_difference']:.1f} on average."
    )
    if not len(wrong):
        return text + " All give the right labels."
    names = " and ".join(f"`{name}`" for name in wrong.index)
    return (
        f"{text} {names} number the classes by folder name: "
        f"{wrong['labels_right'].min():.0%} of their labels are those of the collection."
    )


def _orders(record: Record) -> str:
    runs = record.series_frame("orders").set_index("way")
    kept, shuffled = runs.iloc[0], runs.loc["shuffled":"shuffled"]
    return (
        f"One model, one test part: κ is {kept['kappa']:.3f} with the generator's order kept, and "
        f"{shuffled['kappa'].mean():.3f} on average over {len(shuffled)} shuffled runs (from "
        f"{shuffled['kappa'].min():.3f} to {shuffled['kappa'].max():.3f}), while `evaluate` says "
        f"{plain(kept['evaluated'])} every time."
    )


def _swaps(record: Record) -> list[str]:
    sentences = []
    for features, swap in record.series_frame("swap").groupby("features", sort=False):
        same = swap["train"] == swap["test"]
        right, wrong = swap[same], swap[~same]
        worst = wrong.loc[wrong["loss"].idxmax()]
        sentences.append(
            f"On features of `{features}`, a head tested with the scaling it was trained with has "
            f"a loss of {right['loss'].median():.2f} (median) and a balanced accuracy of "
            f"{plain(right['balanced_accuracy'].median())}; with another one "
            f"{wrong['loss'].median():.2f} and {plain(wrong['balanced_accuracy'].median())}, at "
            f"worst a loss of {worst['loss']:.1f} (trained {worst['train']}, tested "
            f"{worst['test']})."
        )
    return sentences


def _statistics(record: Record) -> str:
    table = record.series_frame("normalisation")
    table = table[table["side"] == table["side"].max()]
    values = table.pivot(index="quantity", columns="channel", values="value")
    channels = ["red", "green", "blue"]
    text = {q: " ".join(plain(values.at[q, c]) for c in channels) for q in values.index}
    return (
        f"The channel means are {text['mean']} (red, green, blue). The standard deviation of all "
        f"pixels together is {text['pooled_std']}, the mean of the images' own "
        f"{text['image_std']}: two numbers of one name."
    )
