"""Files that are not what they seem: a scan of the encoded bytes, and a way to plant faults."""

import hashlib
import io
from collections import Counter
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pandas as pd

from dermbook.data.collection import Collection, ImageSource
from dermbook.data.verification import check_file
from dermbook.errors import DataError, ParameterError

#: what ``plant_file_faults`` can do, and what ``scan_files`` calls it
FILE_FAULTS = ("does not decode", "cut short", "format", "colour", "size")
_STARTS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP"}


def scan_files(collection: Collection, *, expected: str = "JPEG") -> pd.DataFrame:
    """Every image file's format, colour and size, and what is wrong with it.

    One row an image, index image_id: format (by the first bytes, not by the name), mode (RGB, L,
    CMYK …), width, height (pixels; missing when unreadable), bytes, and ``problem``: text of
    "does not decode", "cut short", "format" (not ``expected``), "colour" (not RGB), "size" (not
    the collection's commonest one), joined by ", "; "" for a sound file. A size is a problem only
    where more than half of the readable images share one.
    """
    rows = [_look(collection.source.encoded(image_id), expected) for image_id in collection.ids]
    index = pd.Index(collection.ids, name="image_id")
    frame = pd.DataFrame(rows, index=index)
    frame["format"] = frame["format"].astype("str")
    frame["mode"] = frame["mode"].astype("str")
    sizes = Counter(zip(frame["width"].dropna(), frame["height"].dropna(), strict=True))
    if sizes:
        usual, count = sizes.most_common(1)[0]
        odd = frame["width"].notna() & (
            (frame["width"] != usual[0]) | (frame["height"] != usual[1])
        )
        if count > sum(sizes.values()) / 2:
            for image_id in frame.index[odd]:
                frame.at[image_id, "problems"] = [*frame.at[image_id, "problems"], "size"]
    frame["problem"] = [", ".join(problems) for problems in frame["problems"]]
    return frame.drop(columns="problems")


def problem_table(scan: pd.DataFrame) -> pd.DataFrame:
    """How many files have each problem: problem, count; every kind that the scan looks for."""
    found = Counter(name for text in scan["problem"] for name in text.split(", ") if name)
    return pd.DataFrame({"problem": FILE_FAULTS, "count": [found[name] for name in FILE_FAULTS]})


def plant_file_faults(
    collection: Collection, *, each: int = 2, seed: int = 0
) -> tuple[Collection, pd.Series]:
    """The collection with ``each`` files of every kind in ``FILE_FAULTS`` spoilt.

    Returns it with the truth: a text Series by image id, "" for sound files. Everything but the
    bytes stays as it is. ParameterError when there are too few images.
    """
    count = each * len(FILE_FAULTS)
    if each < 0 or count > len(collection) // 2:
        raise ParameterError(f"each={each}: {count} spoilt files of {len(collection)} images.")
    rng = np.random.default_rng([seed, 77])
    chosen = rng.choice(np.array(collection.ids, dtype=object), count, replace=False)
    faults = dict(zip(chosen, np.repeat(FILE_FAULTS, each).tolist(), strict=True))
    truth = pd.Series([faults.get(i, "") for i in collection.ids], index=collection.ids)
    return replace(collection, source=_Spoilt(collection.source, faults)), truth.astype("str")


@dataclass(frozen=True)
class _Spoilt:
    """A source some of whose files are damaged."""

    source: ImageSource
    faults: dict[str, str]

    def encoded(self, image_id: str) -> bytes:
        content = self.source.encoded(image_id)
        return _spoil(content, self.faults[image_id]) if image_id in self.faults else content

    def image(self, image_id: str) -> np.ndarray:
        return self.source.image(image_id)

    def mask(self, image_id: str) -> np.ndarray | None:
        return self.source.mask(image_id)

    def signature(self, image_id: str) -> str:
        if image_id not in self.faults:
            return self.source.signature(image_id)
        return hashlib.sha256(self.encoded(image_id)).hexdigest()


def _look(content: bytes, expected: str) -> dict:
    from PIL import Image, UnidentifiedImageError

    kind = next((name for start, name in _STARTS.items() if content.startswith(start)), "other")
    row = {"format": kind, "mode": "", "width": np.nan, "height": np.nan, "bytes": len(content)}
    problems = [] if kind == expected else ["format"]
    try:
        checked = check_file(content)
        row |= {"width": float(checked.width), "height": float(checked.height)}
    except DataError as error:
        # a decoder may give up on a file that is cut short, or fill the rest with grey
        short = "cut short" in str(error) or _ends_early(content)
        problems = ["cut short" if short else "does not decode"]
        return row | {"problems": problems}
    try:
        with Image.open(io.BytesIO(content)) as picture:
            row["mode"] = picture.mode
    except (UnidentifiedImageError, OSError):
        row["mode"] = "unknown"
    return row | {"problems": problems + (["colour"] if row["mode"] != "RGB" else [])}


def _ends_early(content: bytes) -> bool:
    """Whether a JPEG's picture data begin and its end marker never comes."""
    return b"\xff\xda" in content and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda")


def _spoil(content: bytes, fault: str) -> bytes:
    if fault == "does not decode":
        return content[:100] + bytes(400)
    if fault == "cut short":
        return content[: len(content) * 2 // 3]
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if fault == "format":
        return cv2.imencode(".png", picture)[1].tobytes()
    if fault == "colour":
        return cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))[1].tobytes()
    height, width = picture.shape[:2]
    smaller = cv2.resize(picture, (width - 5, height * 3 // 4), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", smaller)[1].tobytes()
