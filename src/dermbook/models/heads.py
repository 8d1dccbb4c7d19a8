"""What the reports put on top of a published backbone: small networks on pooled features.

A head takes a vector, float32 (n, width), and gives probabilities. On a frozen backbone the
vectors are always the same, so a head is trained on ``frozen_features`` in seconds. The whole
networks of ``models.transfer`` end in the same heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers

from dermbook.errors import ParameterError
from dermbook.models.parts import check_count, check_counts, check_rate, probabilities
from dermbook.models.registry import nearest, seeded


@dataclass(frozen=True)
class Head:
    """Dense layers with ReLU of so many units, then dropout, then the output layer.

    ``rows`` are rows of the reports' inventory; ``chosen`` says what a report leaves open.
    """

    dense: tuple[int, ...] = ()
    dropout: float = 0.0
    rows: tuple[str, ...] = ()
    chosen: str = ""


HEADS: dict[str, Head] = {
    "r4-vgg16": Head(rows=("4.7",)),
    "r4-resnet50v2": Head((128,), 0.2, ("4.8",)),
    "r2-mobilenetv2": Head((128,), 0.0, ("2.4",)),
    "r0": Head(rows=("0.11",), chosen="no layer is named between the backbone and the softmax"),
    "r1-vgg": Head((64,), 0.0, ("1.7",), "one fully connected layer, its units not given"),
    "r1-inception": Head(
        (256, 64), 0.5, ("1.8",), "Dense layers paired with Dropout; neither units nor rates given"
    ),
}


def head(name: str) -> Head:
    """The head of that name; ParameterError naming the nearest if there is none."""
    if name not in HEADS:
        raise ParameterError(
            f"head: there is no {name!r}.{nearest(name, HEADS)} Heads: {', '.join(HEADS)}."
        )
    return HEADS[name]


def add_head(
    features: keras.KerasTensor,
    classes: int,
    *,
    dense: Sequence[int] = (),
    dropout: float = 0.0,
    penalty: float = 0.0,
) -> keras.KerasTensor:
    """Probabilities (n, classes), float32, from pooled features (n, width).

    dense: units of each ReLU layer in turn, each followed by dropout of that rate if it is not 0.
    penalty: L2 of the dense layers' kernels, R1's cure for exploding gradients (row 1.8).
    """
    x = features
    for number, units in enumerate(dense, start=1):
        regularizer = keras.regularizers.L2(penalty) if penalty else None
        x = layers.Dense(
            units, activation="relu", kernel_regularizer=regularizer, name=f"head_dense_{number}"
        )(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"head_dropout_{number}")(x)
    return probabilities(x, classes)


def build_head(name: str, width: int, classes: int, *, seed: int = 0) -> keras.Model:
    """A head as a network of its own: float32 vectors (n, width) to probabilities (n, classes).

    name: a key of ``HEADS``. classes: 1 for one sigmoid unit, more for softmax. Equal seeds give
    equal first weights. ParameterError for an unknown name or a count below 1.
    """
    about = head(name)
    check_count("width", width)
    check_count("classes", classes)
    with seeded(seed):
        vectors = keras.Input((width,), name="features")
        answer = add_head(vectors, classes, dense=about.dense, dropout=about.dropout)
        return keras.Model(vectors, answer, name=f"head-{name}")


def check_head(dense: Sequence[int], dropout: float, penalty: float = 0.0) -> None:
    """ParameterError unless these can be the settings of a head."""
    if len(dense):
        check_counts("dense", dense)
    check_rate("dropout", dropout)
    if not 0 <= penalty < float("inf"):
        raise ParameterError(f"penalty must be a number of at least 0, not {penalty!r}.")
