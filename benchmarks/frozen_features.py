"""A head on features made once, against a frozen backbone that runs again in every epoch.

    python benchmarks/frozen_features.py [images] [height width]

VGG16 with a softmax (R4, row 4.7) on phantom images, 16 epochs: the whole network is timed over two
of them and extrapolated, the features and all epochs of the head are timed as they are, in one run
on the same images. The weights are random unless ``DERMBOOK_WEIGHTS`` has VGG16's, for time does
not depend on them. The aim is ten times. Also the largest difference of a probability after two
epochs both ways, which must be rounding.
"""

import sys

from dermbook.data.phantom import phantom
from dermbook.evaluation.frozen_cost import frozen_cost
from dermbook.paths import weights_dir


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:]] or [320]
    height, width = numbers[1:3] if len(numbers) > 2 else (96, 128)
    collection = phantom(max(70, numbers[0]), height=height, width=width)
    folder = weights_dir()
    there = folder is not None and (folder / "VGG16_notop.weights.h5").is_file()
    cost = frozen_cost(
        collection,
        collection.ids[: numbers[0]],
        height=height,
        width=width,
        weights="imagenet" if there else "random",
    )
    print(f"{numbers[0]} images of {height} × {width}, {'ImageNet' if there else 'random'} weights")
    print(cost.table.to_string(index=False, float_format=lambda value: f"{value:,.2f}"))
    print(
        f"{cost.times:.1f} times; largest difference of a probability {cost.difference:.1e}, "
        f"{cost.agreement:.1%} equal answers, weights moved by up to {cost.moved:.3f}"
    )


if __name__ == "__main__":
    main()
