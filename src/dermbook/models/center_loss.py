"""Center loss: each image is pulled towards the learned center of its class, beside the usual loss.

Wen, Zhang, Li and Qiao, A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV
2016. R1 tried it with one sigmoid output and saw its loss reach infinity (row 1.13). Written in
``keras.ops``, so it runs on every backend of Keras.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers, ops

from dermbook.errors import ParameterError
from dermbook.models.parts import check_choice, check_count, check_counts, probabilities
from dermbook.models.registry import seeded

#: how the squared distances of a batch become one number: the paper sums them
REDUCTIONS = ("mean", "sum")
#: how centers move: by the paper's rule, or as weights that the optimizer trains
UPDATES = ("rule", "gradient")
#: what the distances are measured on: the embedding, or R1's one number before the sigmoid
PLACES = ("embedding", "logit", "probability")
HEADS = ("softmax", "sigmoid")
#: by what embeddings of length 1 are multiplied before the head (our choice)
SHARPNESS = 8.0


def center_loss(embeddings, codes, centers, *, reduction: str = "mean"):
    """½ · mean ‖x − c_y‖² over the images (``mean``), or ½ · Σ ‖x − c_y‖² (``sum``, equation 2).

    embeddings: float (n, d); codes: int (n,); centers: float (classes, d). Returns a scalar.
    The sum grows with the batch, so its weight means something else at every batch size.
    ParameterError for another reduction.
    """
    check_choice("reduction", reduction, REDUCTIONS)
    gap = embeddings - ops.take(centers, ops.cast(codes, "int32"), axis=0)
    distances = ops.sum(ops.square(gap), axis=-1)
    return 0.5 * (ops.mean(distances) if reduction == "mean" else ops.sum(distances))


def moved_centers(embeddings, codes, centers, rate: float):
    """The centers after one batch by the paper's rule (equation 4): c_j − rate · Δc_j.

    Δc_j = Σ (c_j − x_i) / (1 + n_j) over the n_j images of class j in the batch; a class without
    an image in it stays where it is. Shapes as in ``center_loss``; returns (classes, d).
    """
    member = ops.one_hot(ops.cast(codes, "int32"), ops.shape(centers)[0], dtype=centers.dtype)
    counts = ops.expand_dims(ops.sum(member, axis=0), -1)
    total = ops.matmul(ops.transpose(member), ops.cast(embeddings, centers.dtype))
    return centers - rate * (counts * centers - total) / (1.0 + counts)


@keras.saving.register_keras_serializable("dermbook")
class CenterLoss(layers.Layer):
    """The loss of a batch, as a layer that owns the centers.

    ``layer(embeddings, codes, training=True)`` gives the loss at the centers as they are, and then
    moves them. Centers start at zero. classes: ≥ 2. update: ``rule`` moves them by the paper's rule
    at ``rate`` (its α, 0..1) and lets no gradient through; ``gradient`` makes them weights that the
    optimizer trains with the rest. reduction: see ``center_loss``. ParameterError for a value out
    of range.
    """

    def __init__(
        self,
        classes: int,
        *,
        rate: float = 0.5,
        update: str = "rule",
        reduction: str = "mean",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_count("classes", classes)
        check_choice("update", update, UPDATES)
        check_choice("reduction", reduction, REDUCTIONS)
        if not 0 <= rate <= 1:
            raise ParameterError(f"rate must be a number from 0 to 1, not {rate!r}.")
        self.classes, self.rate = classes, rate
        self.update, self.reduction = update, reduction

    def build(self, embeddings_shape, codes_shape=None) -> None:
        self.centers = self.add_weight(
            shape=(self.classes, embeddings_shape[-1]),
            initializer="zeros",
            trainable=self.update == "gradient",
            name="centers",
        )

    def call(self, embeddings, codes, training=False):
        """The loss, a scalar; in training by the rule the centers have moved afterwards."""
        codes = ops.reshape(codes, (-1,))
        loss = center_loss(embeddings, codes, self.centers, reduction=self.reduction)
        if training and self.update == "rule":
            still = ops.stop_gradient(embeddings)
            self.centers.assign(moved_centers(still, codes, self.centers.value, self.rate))
        return loss

    def compute_output_spec(self, embeddings, codes, training=False):
        return keras.KerasTensor((), dtype=embeddings.dtype)

    def get_config(self) -> dict:
        own = ("classes", "rate", "update", "reduction")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class CenterLossNetwork(keras.Model):
    """A network whose training loss is cross-entropy plus ``strength`` times center loss.

    Predicting needs no label: the term is added in ``compute_loss``, from the embedding of the same
    batch. ``fit`` chooses the cross-entropy, as for any model. Build with ``center_loss_network``.
    """

    def __init__(
        self, inputs, outputs, *, place: keras.Model, center: CenterLoss, strength: float, **kwargs
    ) -> None:
        super().__init__(inputs, outputs, **kwargs)
        self.place, self.center, self.strength = place, center, float(strength)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Cross-entropy (weighted) + strength · center loss (every image alike)."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not self.strength:
            return loss
        # the same pass once more as far as the code goes; the compiler does it once
        return loss + self.strength * self.center(self.place(x), y, training=training)

    def get_config(self) -> dict:
        """What tells one such network from another; save its weights, not the network."""
        own = {"strength": self.strength, "center": self.center.get_config()}
        return {**own, "place": self.place.get_config(), "outputs": self.output_shape[-1]}


def center_loss_network(
    width: int,
    classes: int,
    *,
    strength: float,
    head: str = "softmax",
    place: str = "embedding",
    hidden: Sequence[int] = (64,),
    dimensions: int = 8,
    activation: str = "linear",
    normalise: bool = True,
    update: str = "rule",
    rate: float = 0.5,
    reduction: str = "mean",
    seed: int = 0,
) -> CenterLossNetwork:
    """A small network on vectors with center loss: vectors (n, width) → embedding → probabilities.

    strength: λ, ≥ 0; 0 is the same network without center loss. head: ``softmax`` gives one
    probability a class, ``sigmoid`` (two classes) that of the second. place: what is pulled to the
    centers; ``logit`` and ``probability`` are R1's one output, before and after the sigmoid.
    hidden: units of ReLU layers before the embedding of ``dimensions``. activation: of the
    embedding. normalise: scale each embedding to length 1, so that no two are further apart than
    2. update, rate, reduction: see ``CenterLoss``. Equal seeds give equal
    first weights, whatever the strength.

    ParameterError for a value out of range, or a sigmoid for more than two classes.
    """
    _check(width, classes, strength, head, place, hidden, dimensions)
    outputs = 1 if head == "sigmoid" else classes
    with seeded(seed):
        vectors = x = keras.Input((width,), name="vectors")
        for number, units in enumerate(hidden, start=1):
            x = layers.Dense(units, activation="relu", name=f"hidden_{number}")(x)
        x = layers.Dense(dimensions, activation=activation, name="embedding")(x)
        embedding = x
        if normalise:
            embedding = layers.UnitNormalization(name="unit_length")(x)
            # a logit of unit vectors is no larger than the head's weights, which begin small
            x = layers.Rescaling(SHARPNESS, name="sharpness")(embedding)
        if place == "embedding":
            answer, pulled = probabilities(x, outputs), embedding
        else:
            logit = layers.Dense(outputs, dtype="float32", name="logit")(x)
            answer = layers.Activation("sigmoid", name="probabilities")(logit)
            pulled = logit if place == "logit" else answer
    center = CenterLoss(classes, update=update, rate=rate, reduction=reduction, name="center_loss")
    center.build((None, pulled.shape[-1]))
    return CenterLossNetwork(
        vectors,
        answer,
        place=keras.Model(vectors, pulled, name="place"),
        center=center,
        strength=strength,
        name="center_loss_network",
    )


def embed(model: CenterLossNetwork, vectors) -> Any:
    """What the model pulls to its centers, float32 (n, d), for vectors (n, width)."""
    return ops.convert_to_numpy(model.place(ops.convert_to_tensor(vectors, dtype="float32")))


def _check(width, classes, strength, head, place, hidden, dimensions) -> None:
    for name, value in {"width": width, "classes": classes, "dimensions": dimensions}.items():
        check_count(name, value)
    if len(hidden):
        check_counts("hidden", hidden)
    check_choice("head", head, HEADS)
    check_choice("place", place, PLACES)
    if isinstance(strength, bool) or not 0 <= strength < float("inf"):
        raise ParameterError(f"strength must be a number of at least 0, not {strength!r}.")
    if classes < 2 or (head == "sigmoid" and classes != 2):
        raise ParameterError(f"classes: a {head} head is not for {classes} classes.")
    if place != "embedding" and head != "sigmoid":
        raise ParameterError(f"place {place!r} is the output of a sigmoid head, not of {head}.")
