"""What the chapter on augmentation found."""

import pandas as pd

from dermbook.publishing.compare import plain
from dermbook.publishing.effects import effect, with_interval
from dermbook.publishing.record import Record

#: R3's recipe, and the class that it leaves alone
R3, EXEMPT = "r3", "nv"


def augmentation(record: Record) -> list[str]:
    """What a test treated by class is worth, what gives copies away, and what recipes gain."""
    effects = record.series_frame("treatment-effects")
    told = record.series_frame("telltale").set_index("recipe")
    leak = effect(effects, "trained by class", "precision", EXEMPT)
    balanced = effect(effects, "trained by class")
    own, fair = (effect(effects, f"{EXEMPT} augmented, too: {which}") for which in ("own", "plain"))
    shared = record.series_frame("shared-lesions").set_index("strategy")
    return [
        f"Trained with R3's recipe on every class but {EXEMPT}, and tested on pictures treated "
        f"likewise, the model has a precision of {plain(leak['second'])} for {EXEMPT} and a "
        f"balanced accuracy of {plain(balanced['second'])}. The same model on plain pictures: "
        f"{plain(leak['first'])} and {plain(balanced['first'])}. Differences "
        f"{with_interval(leak)} and {with_interval(balanced)}.",
        f"The clue: R3's copies can be told from pictures with a ROC AUC of {_auc(told, R3)}"
        + (
            f", {_auc(told, 'r3-mirror')} with mirrored borders"
            if "r3-mirror" in told.index
            else ""
        )
        + (f"; flips alone with {_auc(told, 'flips')}." if "flips" in told.index else "."),
        f"Augmenting {EXEMPT}, too, changes balanced accuracy by {with_interval(own)} when each "
        f"model is tested as it was trained, and by {with_interval(fair)} on plain pictures.",
        _recipes(record.series_frame("recipe-effects")),
        f"An augmented set that is divided by image has {shared.loc['r3', 'in_train']:.0%} of its "
        f"test pictures' lesions in train; divided by lesion, "
        f"{shared.loc['lesion-grouped', 'in_train']:.0%}.",
    ]


def _recipes(effects: pd.DataFrame) -> str:
    """Which recipes change balanced accuracy on plain pictures, of how many."""
    of = effects[effects["metric"] == "balanced_accuracy"]
    better, worse = of[of["low"] > 0], of[of["high"] < 0]
    best = of.loc[of["value"].idxmax()]
    text = (
        f"On plain test pictures, {len(better)} of {len(of)} comparisons show a gain in balanced "
        f"accuracy and {len(worse)} a loss; in the others the interval holds zero. The largest "
        f"difference is that of {best['comparison']} ({best['learner']}): {with_interval(best)}."
    )
    return text


def _auc(told: pd.DataFrame, name: str) -> str:
    row = told.loc[name]
    return f"{plain(row['value'])} ({plain(row['low'])}–{plain(row['high'])})"
