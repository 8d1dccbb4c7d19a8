"""Write the phantom as its publisher would: archives, metadata, masks; with faults on request.

The layouts are those of HAM10000 on Harvard Dataverse and of the ISIC 2018 challenge's test set,
so the importers are tested on files of the real names and structure, broken in known ways.
"""

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from dermbook.data.collection import Collection
from dermbook.data.phantom.artefacts import compress, decompress
from dermbook.data.phantom.evidence import CLASSES
from dermbook.errors import DataError, ParameterError
from dermbook.files import replacing, write_text

FAULTS = {
    "undecodable-image": "one .jpg holds the first bytes of its image only, then zeros",
    "row-without-image": "the metadata name an image that no archive holds",
    "image-without-row": "an archive holds an image that the metadata do not name",
    "duplicated-id": "one image_id stands in the metadata twice",
    "unknown-class": 'one row\'s dx is "scc", which is none of the seven classes',
    "empty-mask": "one mask marks no pixel",
    "mask-size": "one mask is half as high and wide as its image",
    "png-named-jpg": "one .jpg is a PNG file",
    "grayscale": "one .jpg has a single grey channel",
    "cmyk": "one .jpg has four channels (CMYK)",
    "odd-size": "one image (and its mask) has another size and shape than all others",
    "missing-column": "the metadata have no column dx",
    "missing-part": "the second image archive (or folder) is absent",
    "truncated-zip": "the first image archive ends in the middle, as after a broken download",
}
_IMAGE_FAULTS = ("undecodable-image", "png-named-jpg", "grayscale", "cmyk", "odd-size")
_TEST_FAULTS = (*_IMAGE_FAULTS, "truncated-zip")
_FIRST = {"ham10000": 24306, "isic2018-test": 34524}
_MASKS = "HAM10000_segmentations_lesion_tschandl"
_TEST = "ISIC2018_Task3_Test_Images"


def write_phantom(
    folder: Path | str,
    collection: Collection,
    *,
    layout: str = "ham10000",
    faults: Sequence[str] = (),
    zipped: bool = True,
    one_hot: bool = False,
) -> Path:
    """Write a phantom collection in a publisher's layout and return the folder.

    ``layout="ham10000"``: ``HAM10000_images_part_1.zip`` and ``_part_2.zip`` (half the images
    each), ``HAM10000_segmentations_lesion_tschandl.zip`` (1-bit PNG) and
    ``HAM10000_metadata.csv``; with ``one_hot`` also ``ISIC2018_Task3_Training_GroundTruth.csv``.
    ``layout="isic2018-test"``: ``ISIC2018_Task3_Test_Images.zip``, no labels.
    With ``zipped=False`` each archive is a folder of the same name instead.

    Images get ids like ``ISIC_0024306`` in the table's order (see :func:`published_ids`), lesions
    ids like ``HAM_0000000``. ``PHANTOM.csv`` says which phantom image each id is and which fault
    it carries. ``faults`` names entries of :data:`FAULTS`; each is planted once, on the image
    whose position is the fault's position in :data:`FAULTS`, so they never overlap.

    Raises ParameterError for an unknown layout or fault or one that the layout cannot carry, and
    DataError when a file to be written is already there. Nothing is written in these cases.
    """
    folder = Path(folder)
    faults = tuple(dict.fromkeys(faults))
    _check(collection, layout, faults, zipped, one_hot)
    ids = published_ids(collection, layout)
    carrier = {fault: ids.index[k] for k, fault in enumerate(FAULTS) if fault in faults}
    names = _archive_names(layout)
    targets = [f"{name}.zip" if zipped else name for name in names]
    targets += ["PHANTOM.csv"]
    targets += ["HAM10000_metadata.csv"] if layout == "ham10000" else []
    targets += ["ISIC2018_Task3_Training_GroundTruth.csv"] if one_hot else []
    for target in targets:
        if (folder / target).exists():
            raise DataError(f"{folder / target} is already there; choose an empty folder.")

    skipped = {carrier.get("row-without-image")}
    present = [image_id for image_id in ids.index if image_id not in skipped]
    half = -(-len(ids) // 2)
    first = set(ids.index[:half])
    for name in names:
        if name.endswith("part_2") and "missing-part" in faults:
            continue
        inner = "" if name.startswith("HAM10000_images") else f"{name}/"
        if name == _MASKS:
            members = [(f"{inner}{ids[i]}_segmentation.png", _mask_maker(collection, i, carrier))
                       for i in ids.index]  # fmt: skip
        else:
            part = [i for i in present if layout != "ham10000" or (i in first) == ("_1" in name)]
            members = [(f"{inner}{ids[i]}.jpg", _image_maker(collection, i, carrier)) for i in part]
        if zipped:
            _write_zip(folder / f"{name}.zip", members)
        else:
            _write_files(folder / name, members)
    if "truncated-zip" in faults:
        archive = folder / f"{names[0]}.zip"
        whole = archive.read_bytes()
        with replacing(archive) as temporary:
            temporary.write_bytes(whole[: len(whole) // 2])
    if layout == "ham10000":
        write_text(folder / "HAM10000_metadata.csv", _metadata(collection, ids, carrier))
    if one_hot:
        write_text(folder / "ISIC2018_Task3_Training_GroundTruth.csv", _one_hot(collection, ids))
    fault_of = {image_id: fault for fault, image_id in carrier.items() if _is_local(fault)}
    mapping = pd.DataFrame(
        {
            "image_id": ids.to_numpy(),
            "phantom_image_id": ids.index,
            "fault": [fault_of.get(image_id, "") for image_id in ids.index],
        }
    )
    write_text(folder / "PHANTOM.csv", mapping.to_csv(index=False))
    return folder


def published_ids(collection: Collection, layout: str = "ham10000") -> pd.Series:
    """The id each image gets in a layout: a Series of str indexed by the phantom's image ids."""
    first = _FIRST[layout]
    names = [f"ISIC_{first + k:07d}" for k in range(len(collection.table))]
    return pd.Series(names, index=collection.table.index, name="image_id")


def _check(
    collection: Collection, layout: str, faults: tuple[str, ...], zipped: bool, one_hot: bool
) -> None:
    if layout not in _FIRST:
        raise ParameterError(f"layout={layout!r} is unknown; give one of {', '.join(_FIRST)}.")
    if one_hot and layout == "isic2018-test":
        raise ParameterError("one_hot: the test set's layout has no ground truth.")
    if not collection.phantom:
        raise ParameterError(
            f"collection={collection.name!r} is not a phantom; only phantoms are written this way."
        )
    if collection.classes != CLASSES:
        raise ParameterError(
            f"collection has the classes {', '.join(collection.classes)}; the publisher's files "
            f"hold {', '.join(CLASSES)}. Write it before relabelling it."
        )
    for fault in faults:
        if fault not in FAULTS:
            raise ParameterError(f"faults: {fault!r} is unknown; give some of {', '.join(FAULTS)}.")
        if layout == "isic2018-test" and fault not in _TEST_FAULTS:
            raise ParameterError(f"faults: the layout {layout!r} cannot carry {fault!r}.")
    if "truncated-zip" in faults and not zipped:
        raise ParameterError('faults: "truncated-zip" needs zipped=True.')
    if len(collection.table) < len(FAULTS) and faults:
        raise ParameterError(f"faults: at least {len(FAULTS)} images are needed to carry them.")


def _archive_names(layout: str) -> list[str]:
    if layout == "isic2018-test":
        return [_TEST]
    return ["HAM10000_images_part_1", "HAM10000_images_part_2", _MASKS]


def _is_local(fault: str) -> bool:
    """Whether a fault sits on one image rather than on a whole file."""
    return fault not in ("missing-column", "missing-part", "truncated-zip")


def _image_maker(
    collection: Collection, image_id: str, carrier: dict[str, str]
) -> Callable[[], bytes]:
    fault = next((f for f in _IMAGE_FAULTS if carrier.get(f) == image_id), None)
    return lambda: _image_bytes(collection.source.encoded(image_id), fault)


def _image_bytes(encoded: bytes, fault: str | None) -> bytes:
    if fault is None:
        return encoded
    if fault == "undecodable-image":
        return encoded[:100] + bytes(400)
    picture = decompress(encoded)
    if fault == "png-named-jpg":
        return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
    if fault == "odd-size":
        height, width = _odd_size(picture.shape[:2])
        return compress(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), 90)
    from PIL import Image

    stream = io.BytesIO()
    mode = {"grayscale": "L", "cmyk": "CMYK"}[fault]
    Image.fromarray(picture).convert(mode).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def _mask_maker(
    collection: Collection, image_id: str, carrier: dict[str, str]
) -> Callable[[], bytes]:
    def encoded() -> bytes:
        mask = np.asarray(collection.source.mask(image_id)).astype(np.uint8) * 255
        if carrier.get("empty-mask") == image_id:
            mask[:] = 0
        size = mask.shape[:2]
        if carrier.get("mask-size") == image_id:
            size = (size[0] // 2, size[1] // 2)
        elif carrier.get("odd-size") == image_id:
            size = _odd_size(size)
        if size != mask.shape[:2]:
            mask = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
        return cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()

    return encoded


def _odd_size(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * 3 // 4 + 1, size[1] - 5


def _metadata(collection: Collection, ids: pd.Series, carrier: dict[str, str]) -> str:
    table = collection.table
    groups = {group: k for k, group in enumerate(dict.fromkeys(table["group"]))}
    rows = pd.DataFrame(
        {
            "lesion_id": [f"HAM_{groups[group]:07d}" for group in table["group"]],
            "image_id": ids,
            "dx": table["label"],
            "dx_type": table["dx_type"],
            "age": table["age"],
            "sex": table["sex"],
            "localization": table["localization"],
        }
    )
    if "unknown-class" in carrier:
        rows.loc[carrier["unknown-class"], "dx"] = "scc"
    if "image-without-row" in carrier:
        rows = rows.drop(index=carrier["image-without-row"])
    if "duplicated-id" in carrier:
        rows = pd.concat([rows, rows.loc[[carrier["duplicated-id"]]]])
    if "missing-column" in carrier:
        rows = rows.drop(columns="dx")
    return rows.to_csv(index=False)


def _one_hot(collection: Collection, ids: pd.Series) -> str:
    table = pd.DataFrame({"image": ids})
    for name in CLASSES:  # the challenge's own order
        table[name.upper()] = (collection.table["label"] == name).astype(float)
    return table.to_csv(index=False)


def _write_zip(path: Path, members: list[tuple[str, Callable[[], bytes]]]) -> None:
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members:
            # a fixed date keeps the archive's bytes the same every time
            entry = zipfile.ZipInfo(name, (2018, 1, 1, 0, 0, 0))
            archive.writestr(entry, content(), zipfile.ZIP_DEFLATED)


def _write_files(folder: Path, members: list[tuple[str, Callable[[], bytes]]]) -> None:
    for name, content in members:
        with replacing(folder / Path(name).name) as temporary:
            temporary.write_bytes(content())
