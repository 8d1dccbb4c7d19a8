"""R1's task: the same images, malignant or benign."""

from collections.abc import Sequence

from dermbook.data.collection import Collection
from dermbook.errors import ParameterError

#: classes that count as malignant, as HAM10000's authors have it
MALIGNANT = ("mel", "bcc", "akiec")


def malignant_or_benign(collection: Collection, malignant: Sequence[str] = MALIGNANT) -> Collection:
    """The collection with the classes benign (code 0) and malignant (code 1), row 1.1.

    ParameterError for a class that the collection has not, and for a choice of none or of all.
    """
    unknown = [name for name in malignant if name not in collection.classes]
    if unknown:
        raise ParameterError(
            f"malignant: {unknown[0]!r} is no class of {collection.name}; its classes are "
            f"{', '.join(collection.classes)}."
        )
    if not 0 < len(set(malignant)) < len(collection.classes):
        raise ParameterError("malignant: name at least one class, and not all of them.")
    names = {name: "malignant" if name in malignant else "benign" for name in collection.classes}
    return collection.relabel(names, classes=("benign", "malignant"))
