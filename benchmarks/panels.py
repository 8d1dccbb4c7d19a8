"""How long does it take to find the panels of a picture, against decoding its JPEG?

    .venv/bin/python benchmarks/panels.py [--images 60] [--sizes 96x128 384x512] [--repeats 3]

Draws phantom composites, fits the rule to some of them, and times in one thread, on the same JPEGs:
decoding, each detector at one setting, and making the rows of a collection of panels. Everything is
timed several times and the fastest counts; the last column is the time as a multiple of decoding.
"""

import argparse
import time
from collections.abc import Callable

import cv2

from dermbook.data import phantom_composites
from dermbook.data.phantom.artefacts import decompress
from dermbook.imaging.panels import fit_rule, panel_detectors, split_composites

SETTINGS = {"regions": 0.2, "blocks": 400, "flood": 60, "cuts": 0.9, "fitted cuts": 0.8}


def main() -> None:
    options = _options()
    cv2.setNumThreads(1)
    detectors = panel_detectors(fit_rule(phantom_composites(120, seed=1)))
    for height, width in options.sizes:
        collection = phantom_composites(options.images, seed=0, height=height, width=width)
        files = [collection.source.encoded(image_id) for image_id in collection.ids]
        pictures = [decompress(content) for content in files]
        decoding = fastest(lambda files=files: [decompress(c) for c in files], options.repeats)
        print(f"\n{len(files)} JPEGs of {height} x {width} pixels")
        report("decoding", decoding, decoding, len(files))
        for name, detector in detectors.items():
            detect = detector.detect(SETTINGS.get(name, 0.0))
            seconds = fastest(lambda d=detect, p=pictures: [d(x) for x in p], options.repeats)
            report(name, seconds, decoding, len(files))
        truth = {image_id: collection.source.boxes(image_id) for image_id in collection.ids}
        seconds = fastest(lambda c=collection, t=truth: split_composites(c, t), options.repeats)
        report("making the rows", seconds, decoding, len(files))


def report(what: str, seconds: float, decoding: float, count: int) -> None:
    print(f"{what:16s} {count / seconds:10,.0f} images/s {seconds / decoding:8.1f} x decoding")


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of some runs."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=60, help="pictures of each size")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", type=_size, default=[(96, 128), (384, 512)])
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    height, width = text.split("x")
    return int(height), int(width)


if __name__ == "__main__":
    main()
