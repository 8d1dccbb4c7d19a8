"""Race every input pipeline on the same files, in one run, and print the ratios.

    .venv/bin/python benchmarks/pipelines.py [--collection ham10000] [--images 2000] [--repeats 5] …

Each pipeline is measured in a process of its own (``dermbook.data.pipelines.race``). PyTorch joins
where it is installed or on PYTHONPATH. Nothing is kept: files lie in a temporary folder.
"""

import argparse

import pandas as pd

from dermbook.data import load_collection
from dermbook.data.pipelines import PIPELINES, race

REFERENCE = "keras-generator"


def main() -> None:
    options = _options()
    collection = load_collection(
        options.collection,
        images=options.images if options.collection == "phantom" else 0,
        height=150,
        width=200,
    )
    table = race(
        collection,
        images=options.images,
        height=options.height,
        width=options.width,
        batch_size=options.batch_size,
        repeats=options.repeats,
        pipelines=options.pipelines,
    )
    ran = table.dropna(subset=["images"]).set_index("pipeline")
    print(
        f"{options.collection}: {ran['images'].iloc[0]:,.0f} images at {options.height} x "
        f"{options.width}, batches of {options.batch_size}, median of {options.repeats} "
        "(least to most)\n"
    )
    print(_speeds(ran).to_string(), "\n")
    costs = ["prepare_s", "startup_s", "ten_epochs_s", "base_mb", "peak_mb", "disk_mb"]
    print(ran[costs].round(2).to_string(), "\n")
    same = ["same_images", "same_order", "label_order", "labels_right", "max_difference"]
    print(ran[[*same, "mean_difference"]].round(3).to_string(), "\n")
    if REFERENCE in ran.index and "memory-map" in ran.index:
        ours = ran.loc["memory-map"]
        for name in ran.index.drop("memory-map"):
            ratios = [
                ours[f"images_per_second_{epoch}"] / ran.at[name, f"images_per_second_{epoch}"]
                for epoch in ("first", "second")
            ]
            print(f"memory-map / {name:16} first epoch {ratios[0]:8.1f}, second {ratios[1]:8.1f}")
    for row in table[table["images"].isna()].itertuples():
        print(f"{row.pipeline}: {row.note}")


def _speeds(ran: pd.DataFrame) -> pd.DataFrame:
    """Images a second of both epochs as text with their ranges."""
    return pd.DataFrame(
        {
            f"{epoch} epoch, images/s": [
                f"{row[f'images_per_second_{epoch}']:,.0f} "
                f"({row[f'{epoch}_low']:,.0f} to {row[f'{epoch}_high']:,.0f})"
                for _, row in ran.iterrows()
            ]
            for epoch in ("first", "second")
        },
        index=ran.index,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--collection", default="phantom", help="phantom, or an imported one")
    parser.add_argument("--images", type=int, default=2000, help="0 takes all")
    parser.add_argument("--height", type=int, default=72, help="pixels of the batches")
    parser.add_argument("--width", type=int, default=96, help="pixels of the batches")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pipelines", nargs="+", choices=list(PIPELINES))
    return parser.parse_args()


if __name__ == "__main__":
    main()
