"""How many images a second does the harvest bring? Against a plain loop and bare threads.

    .venv/bin/python benchmarks/harvest.py [--urls 2000] [--workers 24] [--mixed]

A server in a process of its own serves phantom JPEGs; in one run, on the same addresses, it
measures the harvest (checks, conversion, journal and all), one request after the other, and bare
``urllib`` in as many threads, which writes whatever comes. Once from next door, and once with a
round trip of 30 ms, as on the web. ``--mixed`` also harvests a table with every kind of fault and
counts how many addresses were classified rightly.
"""

import argparse
import tempfile
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd

from dermbook.data.harvest import harvest
from dermbook.data.harvest.demonstration import demonstration, plain_loop
from dermbook.data.harvest.misbehaving import MisbehavingServer, client_for


def main() -> None:
    options = _options()
    spawn = get_context("spawn")
    here, there = spawn.Pipe()
    server = spawn.Process(target=serve, args=(there,), daemon=True)
    server.start()
    host = here.recv()
    print(f"{options.urls} JPEGs of 96 x 72 pixels, {options.workers} workers\n")
    for kind, what in (("ok", "next door"), ("far", "30 ms away")):
        urls = [f"http://{host}/{kind}/{number}" for number in range(options.urls)]
        compare(urls, what, host, options.workers)
    here.send("stop")
    server.join()
    if options.mixed:
        mixed(options)


def compare(urls: list[str], what: str, host: str, workers: int) -> None:
    """Images a second of the three ways, and the ratios."""
    table = pd.DataFrame({"image_id": [f"p{k}" for k in range(len(urls))], "url": urls})

    def ours(folder: Path) -> int:
        with client_for(host, workers=workers) as client:
            return harvest(table, folder, client=client, workers=workers).images

    def threads(folder: Path) -> int:
        def one(number: int) -> None:
            with urllib.request.urlopen(urls[number], timeout=30) as answer:
                (folder / f"{number}.jpg").write_bytes(answer.read())

        with ThreadPoolExecutor(workers) as pool:
            return len(list(pool.map(one, range(len(urls)))))

    def loop(folder: Path) -> int:
        few = urls[:300]
        plain_loop(few, folder)
        return len(few)

    harvested = _rate(f"harvest, {what}", ours)
    bare = _rate(f"bare urllib in threads, {what}", threads)
    plain = _rate(f"plain loop, {what}", loop)
    print(f"harvest / plain loop             {harvested / plain:10.2f}")
    print(f"harvest / bare urllib in threads {harvested / bare:10.2f}\n")


def mixed(options: argparse.Namespace) -> None:
    """Every kind of fault: classified rightly?"""
    with tempfile.TemporaryDirectory() as name:
        shown = demonstration(name, urls=options.urls, workers=options.workers)
    outcomes = shown.outcomes
    print(shown.runs.to_string(index=False))
    print(
        f"{outcomes['right'].sum()} of {outcomes['n'].sum()} addresses of {len(outcomes)} kinds "
        "classified rightly"
    )


def serve(pipe: Connection) -> None:
    """The server's process: tell where it is, and stop when told."""
    with MisbehavingServer() as server:
        pipe.send(server.host)
        pipe.recv()


def _rate(what: str, run: Callable[[Path], int]) -> float:
    best = 0.0
    for _ in range(2):
        with tempfile.TemporaryDirectory() as name:
            started = time.perf_counter()
            images = run(Path(name))
            best = max(best, images / (time.perf_counter() - started))
    print(f"{what:36} {best:10,.0f} images/s")
    return best


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--urls", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=24)
    parser.add_argument("--mixed", action="store_true", help="also every kind of fault")
    return parser.parse_args()


if __name__ == "__main__":
    main()
