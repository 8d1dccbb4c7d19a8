"""Draw the datasheet's picture: one row a class, one lesion a tile.

    python benchmarks/phantom_montage.py [folder]

Writes ``phantom-montage.jpg`` into ``book/appendix`` (or the folder named).
"""

import sys
from pathlib import Path

import numpy as np

from dermbook.data.phantom import phantom
from dermbook.data.phantom.artefacts import compress
from dermbook.files import replacing

APPENDIX = Path(__file__).resolve().parents[1] / "book" / "appendix"


def montage(columns: int = 7, seed: int = 0) -> np.ndarray:
    """Seven rows of ``columns`` phantom lesions, uint8 RGB."""
    collection = phantom(350, seed=seed, height=120, width=160, balance="equal")
    table = collection.table
    first = ~table["group"].duplicated()
    rows = []
    for name in collection.classes:
        ids = table.index[first & table["label"].eq(name)][:columns]
        rows.append(np.hstack([collection.image(image_id) for image_id in ids]))
    return np.vstack(rows)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else APPENDIX
    with replacing(folder / "phantom-montage.jpg") as temporary:
        temporary.write_bytes(compress(montage(), 85))


if __name__ == "__main__":
    main()
