"""Write the clinical phantom as Fitzpatrick17k is published: one table, one archive of images."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.phantom.clinical import ClinicalPhantomSource
from dermbook.data.phantom.clinical_metadata import plain_address
from dermbook.errors import DataError, ParameterError
from dermbook.files import replacing, write_text

TABLE = "fitzpatrick17k.csv"
ARCHIVE = "fitzpatrick17k_images.zip"
PUBLISHED_COLUMNS = (
    "md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label",
    "three_partition_label", "qc", "url", "url_alphanum",
)  # fmt: skip
# readers of the real table tell the two sites by these words in the address
HOSTS = {"archive.phantom": "dermaamin.phantom", "atlas.phantom": "atlasdermatologico.phantom"}


def write_phantom_clinical(folder: Path | str, collection: Collection) -> Path:
    """Write a clinical phantom in Fitzpatrick17k's layout and return the folder.

    ``fitzpatrick17k.csv`` has the nine published columns: ``md5hash`` is the MD5 of the image
    file, an unknown skin type is -1, an unknown ``qc`` or ``url`` is empty; addresses name the real
    sites within ``phantom.invalid``. ``fitzpatrick17k_images.zip`` holds ``MD5HASH.jpg``. Files
    that are named by their content cannot be there twice: of byte-identical images only the first
    is published. ``PHANTOM.csv`` says which hash each phantom image has.

    Raises ParameterError for a collection that is not the clinical phantom and DataError when a
    file to be written is already there. Nothing is written in these cases.
    """
    folder = Path(folder)
    if not isinstance(collection.source, ClinicalPhantomSource):
        raise ParameterError(
            f"collection={collection.name!r} is not the clinical phantom; only that is written "
            "in this layout."
        )
    for name in (TABLE, ARCHIVE, "PHANTOM.csv"):
        if (folder / name).exists():
            raise DataError(f"{folder / name} is already there; choose an empty folder.")
    hashes: dict[str, str] = {}
    seen: set[str] = set()
    with replacing(folder / ARCHIVE) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for image_id in collection.ids:
            content = collection.source.encoded(image_id)
            md5 = hashes[image_id] = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if md5 not in seen:
                # a fixed date keeps the archive's bytes the same every time
                entry = zipfile.ZipInfo(f"{md5}.jpg", (2018, 1, 1, 0, 0, 0))
                archive.writestr(entry, content)
            seen.add(md5)
    write_text(folder / TABLE, _table(collection, hashes).to_csv(index=False))
    mapping = pd.DataFrame({"md5hash": hashes.values(), "phantom_image_id": hashes.keys()})
    write_text(folder / "PHANTOM.csv", mapping.to_csv(index=False))
    return folder


def _table(collection: Collection, hashes: dict[str, str]) -> pd.DataFrame:
    table = collection.table
    table["md5hash"] = pd.Series(hashes)
    for column in ("fitzpatrick_scale", "fitzpatrick_centaur"):
        table[column] = table[column].fillna(-1).astype(np.int64)
    for host, named in HOSTS.items():
        table["url"] = table["url"].str.replace(host, named)
        plain = [plain_address(text).removesuffix(".jpg") for text in (host, named)]
        table["url_alphanum"] = table["url_alphanum"].str.replace(*plain)
    return table.loc[~table["md5hash"].duplicated(), list(PUBLISHED_COLUMNS)]
