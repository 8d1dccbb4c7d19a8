"""Augmentation that depends on the class (rows 1.2 and 3.5): useful in training, a trap elsewhere.

Which pictures are changed tells their class. In training that is known anyway; a validation or
test that is treated alike hands the answer to any model that can see the change (lesson M11).
"""

from collections.abc import Collection as Some
from collections.abc import Sequence

import numpy as np

from dermbook.errors import ParameterError
from dermbook.imaging.augmentation.recipes import Recipe


class ByClass:
    """A recipe for some classes only: ``augment(batch, rng, codes)``; see ``by_class``.

    ``needs_codes`` tells ``dermbook.data.Batches`` to hand over the labels of each batch.
    """

    needs_codes = True

    def __init__(self, recipe: Recipe, codes: Some[int]) -> None:
        self.recipe = recipe
        self.codes = frozenset(int(code) for code in codes)

    def __call__(
        self, batch: np.ndarray, rng: np.random.Generator, codes: np.ndarray
    ) -> np.ndarray:
        """A batch in which pictures of the chosen classes are changed, the others untouched."""
        if len(codes) != len(batch):
            raise ParameterError(f"by_class: {len(codes)} codes for {len(batch)} pictures.")
        chosen = np.isin(codes, list(self.codes))
        result = batch.copy()
        if chosen.any():
            result[chosen] = self.recipe(batch[chosen], rng)
        return result


def by_class(
    recipe: Recipe, classes: Sequence[str], *, only: Some[str] = (), exempt: Some[str] = ()
) -> ByClass:
    """The recipe for the classes that its report augmented, or for those named here.

    classes: names in the order of the codes. only, exempt: names; where neither is given the
    recipe's own apply. ParameterError for a name that is none of ``classes`` (the recipe's own
    names may be), for both at once, and when no class is left.
    """
    if only and exempt:
        raise ParameterError("by_class: give only or exempt, not both.")
    unknown = sorted({*only, *exempt} - set(classes))
    if unknown:
        raise ParameterError(
            f"by_class: {unknown[0]!r} is none of the classes {', '.join(classes)}."
        )
    if only or exempt:
        codes = [
            code
            for code, name in enumerate(classes)
            if (name in only if only else name not in exempt)
        ]
    else:
        codes = [code for code, name in enumerate(classes) if recipe.augments(name)]
    if not codes:
        raise ParameterError(f"by_class: {recipe.name} would change none of the classes.")
    return ByClass(recipe, codes)
