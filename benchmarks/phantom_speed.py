"""Phantom images a second on one core: rendered, JPEG-compressed and decoded again.

Dermoscopic, clinical and composite pictures.

    python benchmarks/phantom_speed.py [images]

The aims at 96 × 128 pixels: 200 dermoscopic and 150 clinical pictures a second.
"""

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2

from dermbook.data.phantom import phantom, phantom_clinical, phantom_composites

SIZES = ((96, 128), (192, 256), (450, 600))
COLLECTIONS = (phantom, phantom_clinical, phantom_composites)


def images_a_second(make, height: int, width: int, count: int) -> float:
    collection = make(max(count, 72), height=height, width=width)
    ids = collection.ids[:count]
    collection.image(ids[0])  # make the shared textures first
    start = time.process_time()  # this process's own time, whatever else the machine does
    for image_id in ids:
        collection.image(image_id)
    return count / (time.process_time() - start)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    cv2.setNumThreads(1)
    for make in COLLECTIONS:
        print(make.__name__)
        for height, width in SIZES:
            number = max(10, count * 96 * 128 // (height * width))
            best = max(images_a_second(make, height, width, number) for _ in range(3))
            print(
                f"{height:4d} × {width:<4d} {best:7.0f} images/s, one core (best of 3 × {number})"
            )


if __name__ == "__main__":
    main()
