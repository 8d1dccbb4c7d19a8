"""Images a second on one core for each filter, against plain decoding and resizing.

    python benchmarks/filters.py [images] [height width]

Phantom JPEGs, 150 × 200 pixels unless said otherwise, resized to 96 × 128 after the filter. The aim
for DullRazor as published is at least 30 a second. Needs neither data nor a network.
"""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dermbook.data.phantom import phantom
from dermbook.evaluation.enhancement.throughput import throughput


def main() -> None:
    numbers = [int(text) for text in sys.argv[1:]] or [40]
    height, width = numbers[1:3] if len(numbers) > 2 else (150, 200)
    collection = phantom(max(21, numbers[0]), height=height, width=width)
    table = throughput(collection, images=numbers[0], height=96, width=128)
    print(f"{height} × {width}, {numbers[0]} images, best of three passes")
    print(table.to_string(index=False, float_format=lambda value: f"{value:,.1f}"))


if __name__ == "__main__":
    main()
