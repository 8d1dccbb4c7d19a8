"""Twelve tiny pictures laid out as HAM10000's publisher lays out ten thousand, made by OpenCV."""

import zipfile
from pathlib import Path

import cv2
import numpy as np

HEADER = "lesion_id,image_id,dx,dx_type,age,sex,localization"
CLASSES = ("mel", "nv", "bcc", "akiec", "bkl", "df", "vasc")
IDS = [f"ISIC_00243{number:02d}" for number in range(6, 18)]
MASKS = "HAM10000_segmentations_lesion_tschandl"


def jpeg(image_id: str, height: int = 18, width: int = 24) -> bytes:
    """A picture that only the id and the size decide."""
    colours = np.random.default_rng(int(image_id[-7:])).integers(0, 255, (3, 4, 3), dtype="uint8")
    picture = cv2.resize(colours, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def mask_of(image_id: str, height: int = 18, width: int = 24) -> np.ndarray:
    """bool (height, width): a rectangle whose place the id decides."""
    mask = np.zeros((height, width), dtype=bool)
    corner = int(image_id[-2:]) % 5
    mask[corner : corner + 7, corner : corner + 9] = True
    return mask


def png(mask: np.ndarray) -> bytes:
    return cv2.imencode(".png", mask.astype("uint8") * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])[
        1
    ].tobytes()


def row(position: int) -> str:
    """One line of metadata: two images a lesion, every fifth age missing."""
    age = "" if position % 5 == 4 else f"{20 + 5 * position}.0"
    label = CLASSES[(position // 2) % 7]
    return f"HAM_{position // 2:07d},{IDS[position]},{label},histo,{age},female,back"


def contents() -> dict[str, dict[str, bytes]]:
    """What each archive holds: file name to bytes."""
    masks = {f"{MASKS}/{i}_segmentation.png": png(mask_of(i)) for i in IDS}
    return {
        "HAM10000_images_part_1": {f"{i}.jpg": jpeg(i) for i in IDS[:6]},
        "HAM10000_images_part_2": {f"{i}.jpg": jpeg(i) for i in IDS[6:]},
        MASKS: masks,
    }


def write_source(
    folder: Path,
    *,
    zipped: bool = True,
    metadata: str | None = None,
    archives: dict[str, dict[str, bytes]] | None = None,
) -> Path:
    """Write the archives (or folders) and ``HAM10000_metadata.csv``; gives the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, files in (contents() if archives is None else archives).items():
        if zipped:
            with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
                for member, content in files.items():
                    archive.writestr(member, content)
        else:
            for member, content in files.items():
                path = folder / name / Path(member).name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
    text = metadata if metadata is not None else table()
    (folder / "HAM10000_metadata.csv").write_text(text)
    return folder


def table() -> str:
    return "\n".join([HEADER, *(row(k) for k in range(len(IDS)))]) + "\n"


def state(folder: Path) -> dict[str, tuple]:
    """Content, modification time and permissions of every file: equal if nothing was touched."""
    return {
        str(path.relative_to(folder)): (
            path.read_bytes(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
