"""Three leaks, each with and without: overlapping draws, siblings, copies made before the split.

Every experiment takes vectors (a table indexed by image id, one row an image) and a small learner,
repeats itself over seeds, and returns arms: the same condition under every seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from dermbook.data import Collection, grouped_split
from dermbook.data.strategies import make_split
from dermbook.errors import DataError, ParameterError
from dermbook.evaluation.arms import Arm
from dermbook.evaluation.leakage.audit import kinship
from dermbook.evaluation.leakage.learners import Learner, learn_and_predict
from dermbook.evaluation.predictions import Predictions


def overlapping_draws(
    vectors: pd.DataFrame,
    collection: Collection,
    *,
    seeds: Sequence[int],
    learner: Learner = "logistic",
) -> dict[str, Arm]:
    """Lesson M2: train on R4's train, score its test: all of it, what train holds, what not.

    Arms ``all``, ``in train`` and ``not in train``. Which images of a class train holds was drawn
    by lot, so the last two differ in nothing else; but the siblings of an image that is not in
    train mostly are, so the difference understates what is lost on new patients. A class that
    only one of the two ever has, too rare for the other, is left out of all three.
    """
    gathered: dict[str, list[Predictions]] = {"all": [], "in train": [], "not in train": []}
    for seed in seeds:
        split = make_split("r4", collection, seed=seed)
        test = list(split.parts["test"])
        predictions = _trained(vectors, collection, split.parts["train"], test, learner)
        seen = kinship(split, collection, contents=False)["same_image"]
        gathered["all"].append(predictions)
        gathered["in train"].append(_only(predictions, seen[seen].index))
        gathered["not in train"].append(_only(predictions, seen[~seen].index))
    gathered = _of_common_classes(gathered)
    return {name: Arm(tuple(seeds), tuple(found)) for name, found in gathered.items()}


def split_scores(
    vectors: pd.DataFrame,
    collection: Collection,
    strategies: Sequence[str] = ("r3", "lesion-grouped"),
    *,
    seeds: Sequence[int],
    learner: Learner = "logistic",
) -> dict[str, Arm]:
    """What each way of dividing would have reported: its train, its test, the same learner."""
    arms = {}
    for name in strategies:
        found = []
        for seed in seeds:
            parts = make_split(name, collection, seed=seed).parts
            found.append(_trained(vectors, collection, parts["train"], parts["test"], learner))
        arms[name] = Arm(tuple(seeds), tuple(found))
    return arms


@dataclass(frozen=True)
class Injection:
    """The images of one paired injection. ``without`` and ``with_siblings`` are training sets of
    the same size and class counts; ``tested`` are the test images, one photograph a lesion, of
    which ``injected`` have their siblings in ``with_siblings`` and the others nowhere."""

    tested: tuple[str, ...]
    injected: tuple[str, ...]
    without: tuple[str, ...]
    with_siblings: tuple[str, ...]


def plan_injection(collection: Collection, *, seed: int, tested: float = 0.5) -> Injection:
    """Choose test lesions among those with several photographs, and the two training sets.

    tested: share of each class's such lesions that is tested, above 0 and at most 1. Every other
    tested lesion is injected: its remaining photographs replace as many images of the same class
    in train, drawn by lot. No tested lesion has a photograph in ``without``. ParameterError for
    another share; DataError when no lesion has two photographs or nothing is left to train on.
    """
    if not 0 < tested <= 1:
        raise ParameterError(f"tested: must be above 0 and at most 1, not {tested}.")
    rng = np.random.default_rng(seed)
    table = collection.table.dropna(subset=["label", "group"]).sort_index()
    lesions = table.groupby("group")["label"].agg(["size", "first", "nunique"])
    several = lesions[(lesions["size"] > 1) & (lesions["nunique"] == 1)]
    if several.empty:
        raise DataError(f"{collection.name}: no lesion has two photographs, so none has siblings.")
    chosen, injected_lesions = [], []
    for label in collection.classes:
        names = several.index[several["first"] == label].to_numpy(object)
        if len(names):
            some = rng.permutation(names)[: max(1, round(tested * len(names)))]
            chosen += list(some)
            injected_lesions += list(some[::2])
    photographs = {name: rows.index.to_numpy(object) for name, rows in table.groupby("group")}
    test_of = {name: rng.choice(photographs[name]) for name in chosen}
    base = table[~table["group"].isin(chosen)]
    replaced, siblings = [], []
    for label in collection.classes:
        own = base.index[base["label"] == label].to_numpy(object)
        of_class = [name for name in injected_lesions if lesions.loc[name, "first"] == label]
        kin = [i for name in of_class for i in photographs[name] if i != test_of[name]]
        kin = list(rng.permutation(np.array(kin, dtype=object)))[: len(own)]
        siblings += kin
        replaced += list(rng.permutation(own)[: len(kin)])
    without = tuple(base.index)
    gone = set(replaced)
    kept = tuple(image_id for image_id in without if image_id not in gone)
    if base["label"].nunique() < 2:
        raise DataError(f"{collection.name}: too few lesions are left to train on; lower `tested`.")
    here = {test_of[name] for name in injected_lesions}
    with_kin = set(table.loc[siblings, "group"])
    return Injection(
        tested=tuple(sorted(test_of.values())),
        injected=tuple(sorted(i for i in here if table.at[i, "group"] in with_kin)),
        without=tuple(sorted(without)),
        with_siblings=tuple(sorted([*kept, *siblings])),
    )


def sibling_injection(
    vectors: pd.DataFrame,
    collection: Collection,
    *,
    seeds: Sequence[int],
    learner: Learner = "logistic",
    tested: float = 0.5,
) -> dict[str, Arm]:
    """Lesson M3, paired: the same test images, with and without their siblings in train.

    Arms ``injected, without`` and ``injected, with``: the test images whose siblings are injected;
    ``others, without`` and ``others, with``: test images of as many lesions whose siblings are
    not, a control that should not change. See ``plan_injection``.
    """
    gathered: dict[str, list[Predictions]] = {}
    for seed in seeds:
        plan = plan_injection(collection, seed=seed, tested=tested)
        others = sorted({*plan.tested} - {*plan.injected})
        for name, train in (("without", plan.without), ("with", plan.with_siblings)):
            predictions = _trained(vectors, collection, train, plan.tested, learner)
            gathered.setdefault(f"injected, {name}", []).append(_only(predictions, plan.injected))
            gathered.setdefault(f"others, {name}", []).append(_only(predictions, others))
    return {name: Arm(tuple(seeds), tuple(found)) for name, found in gathered.items()}


def copies_needed(benign: int, malignant: int, prevalence: float) -> int:
    """Copies of malignant images that make ``prevalence`` of benign and malignant malignant.

    R1: 8,061 and 1,954 images, and 272 of 1,002 malignant in the test, need 1,050. ParameterError
    for a prevalence outside 0 … 1 or below what there is without copies.
    """
    if not 0 < prevalence < 1:
        raise ParameterError(f"prevalence: must lie between 0 and 1, not {prevalence}.")
    copies = round(prevalence / (1 - prevalence) * benign) - malignant
    if copies < 0:
        raise ParameterError(
            f"prevalence: {malignant} of {benign + malignant} images are malignant already, more "
            f"than {prevalence:.1%}; copies cannot lower it."
        )
    return copies


def augmentation_order(
    vectors: pd.DataFrame,
    copies: pd.DataFrame,
    collection: Collection,
    *,
    seeds: Sequence[int],
    prevalence: float,
    learner: Learner = "logistic",
    share: float = 0.1,
) -> tuple[dict[str, Arm], pd.DataFrame]:
    """Lesson M9: copies before the split, after it, or none, each judged on two tests.

    collection: two classes, the second malignant. copies: vectors of one augmented copy of each
    malignant image, indexed by the image it was made of. For each seed, a ``share`` of the lesions
    is set aside: the *honest* test, as photographed. The rest is divided into train and the
    protocol's *own* test (again a ``share``):

    - ``copy, then split``: copies until ``prevalence`` is reached, then images by lot (row 1.2);
    - ``split by image``: no copies, images by lot;
    - ``split, then copy``: lesions kept whole, then as large a share of train's malignant images
      copied, the test as photographed.

    Returns the arms ``PROTOCOL: own test`` and ``PROTOCOL: honest test`` (the same model), and a
    table seed, protocol, train, test (images), malignant (share of the own test), kin (share of
    the own test's malignant images with a copy, original or sibling in train).
    """
    from sklearn.model_selection import train_test_split

    if len(collection.classes) != 2:
        raise ParameterError("augmentation_order: needs two classes; relabel the collection.")
    gathered: dict[str, list[Predictions]] = {}
    facts = []
    for seed in seeds:
        outer = grouped_split(collection, validation=share, test=0, seed=seed)
        honest = _Rows.of(collection, vectors, outer.parts["validation"])
        ours = collection.where(ids=outer.parts["train"])
        pool = _Rows.of(ours, vectors, ours.ids)
        malignant = int(pool.codes.sum())
        wanted = copies_needed(len(pool) - malignant, malignant, prevalence)
        extra = _drawn_copies(ours, copies, wanted, seed)
        inner = grouped_split(ours, validation=share, test=0, seed=seed)
        train = ours.where(ids=inner.parts["train"])
        in_train = round(wanted * train.codes().sum() / malignant)
        protocols = {}
        for name, rows in (("copy, then split", pool + extra), ("split by image", pool)):
            parts = train_test_split(
                np.arange(len(rows)), test_size=share, stratify=rows.codes, random_state=seed
            )
            protocols[name] = tuple(rows.take(part) for part in parts)
        protocols["split, then copy"] = (
            _Rows.of(train, vectors, train.ids) + _drawn_copies(train, copies, in_train, seed),
            _Rows.of(ours, vectors, inner.parts["validation"]),
        )
        for name, (known, own) in protocols.items():
            found = learn_and_predict(
                known.vectors, known.codes, own.vectors, honest.vectors, classes=2, learner=learner
            )
            for test, rows, values in zip(("own", "honest"), (own, honest), found, strict=True):
                predictions = rows.predictions(values, collection, learner)
                gathered.setdefault(f"{name}: {test} test", []).append(predictions)
            facts.append((seed, name, len(known), len(own), own.codes.mean(), own.kin_in(known)))
    columns = ["seed", "protocol", "train", "test", "malignant", "kin"]
    arms = {name: Arm(tuple(seeds), tuple(found)) for name, found in gathered.items()}
    return arms, pd.DataFrame(facts, columns=columns)


def _of_common_classes(gathered: dict[str, list[Predictions]]) -> dict[str, list[Predictions]]:
    """Without the images of classes that some condition never meets, under whatever seed."""
    met = [
        {label for each in found for label in each.table["truth"]} for found in gathered.values()
    ]
    common = set.intersection(*met)
    if all(labels == common for labels in met):
        return gathered
    return {
        name: [_only(each, each.table.index[each.table["truth"].isin(common)]) for each in found]
        for name, found in gathered.items()
    }


@dataclass(frozen=True)
class _Rows:
    """Images and copies to learn from: ids (unique), lesions, codes and vectors, row by row."""

    ids: np.ndarray
    lesions: np.ndarray
    codes: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, collection: Collection, vectors: pd.DataFrame, ids: Sequence[str]) -> "_Rows":
        ids = list(ids)
        lesions = collection.table.loc[ids, "group"].to_numpy(object)
        found = _vectors_of(vectors, ids)
        return cls(np.array(ids, dtype=object), lesions, collection.codes(ids), found)

    def __add__(self, other: "_Rows") -> "_Rows":
        pairs = zip(self._columns(), other._columns(), strict=True)
        return _Rows(*(np.concatenate(pair) for pair in pairs))

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> "_Rows":
        return _Rows(*(column[rows] for column in self._columns()))

    def kin_in(self, train: "_Rows") -> float:
        """Share of the malignant rows whose lesion has any image or copy in ``train``."""
        ours = pd.Series(self.lesions[self.codes == 1])
        return float(ours.isin(set(train.lesions)).mean())

    def predictions(
        self, probabilities: np.ndarray, collection: Collection, model: str
    ) -> Predictions:
        """Copies are images of no collection, so the table is put together here."""
        names = np.array(collection.classes, dtype=object)
        table = pd.DataFrame(probabilities, columns=list(names), index=pd.Index(self.ids))
        table.index = table.index.astype("str").rename("image_id")
        table.insert(0, "truth", pd.Series(names[self.codes], index=table.index).astype("str"))
        table.insert(1, "group", pd.Series(self.lesions, index=table.index).astype("str"))
        return Predictions(
            table=table,
            classes=collection.classes,
            model=model,
            part="test",
            collection=collection.name,
            data_fingerprint=collection.fingerprint,
            phantom=collection.phantom,
        )

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.ids, self.lesions, self.codes, self.vectors


def _drawn_copies(collection: Collection, copies: pd.DataFrame, count: int, seed: int) -> _Rows:
    """Copies of ``count`` of the collection's malignant images, by lot, each at most once."""
    table = collection.table
    sources = sorted(table.index[(table["label"] == collection.classes[1])])
    sources = [image_id for image_id in sources if image_id in copies.index]
    if count > len(sources):
        raise DataError(
            f"{collection.name}: {count} copies are wanted and there are {len(sources)} malignant "
            "images with a copy each. Lower the prevalence or give more copies."
        )
    chosen = np.random.default_rng(seed).choice(np.array(sources, dtype=object), count, False)
    lesions = table.loc[list(chosen), "group"].to_numpy(object)
    ids = np.array([f"{image_id}-copy" for image_id in chosen], dtype=object)
    return _Rows(ids, lesions, np.ones(count, dtype="int32"), _vectors_of(copies, list(chosen)))


def _trained(
    vectors: pd.DataFrame,
    collection: Collection,
    train: Sequence[str],
    test: Sequence[str],
    learner: Learner,
) -> Predictions:
    known, asked = list(train), list(test)
    (probabilities,) = learn_and_predict(
        _vectors_of(vectors, known),
        collection.codes(known),
        _vectors_of(vectors, asked),
        classes=len(collection.classes),
        learner=learner,
    )
    return Predictions.from_probabilities(
        asked, probabilities, collection, model=learner, part="test"
    )


def _vectors_of(vectors: pd.DataFrame, ids: Sequence[str]) -> np.ndarray:
    rows = vectors.index.get_indexer(pd.Index(ids))
    if (rows < 0).any():
        first = next(image_id for image_id, row in zip(ids, rows, strict=True) if row < 0)
        raise DataError(f"There is no vector of image {first!r}: were they computed for all?")
    return vectors.to_numpy()[rows]


def _only(predictions: Predictions, ids: Sequence[str] | pd.Index) -> Predictions:
    return replace(predictions, table=predictions.table.loc[list(ids)])
