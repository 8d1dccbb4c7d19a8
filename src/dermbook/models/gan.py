"""A small generative adversarial network: two networks that train each other (row 0.17).

A *generator* turns numbers drawn at random into pictures; a *discriminator* scores how real a
picture looks; each is the other's teacher (Goodfellow et al. 2014). Convolutions as in DCGAN
(Radford et al. 2016), a discriminator whose layers cannot stretch (spectral normalisation, Miyato
et al. 2018) under the hinge loss, changes of real and generated pictures alike before they are
scored, because the class is small (Zhao et al. 2020), and a running mean of the generator's
weights, which makes the pictures.

Both networks take one step in the same pass, of one loss: the generator's part of it sees the
discriminator's weights as constants. So Keras's own training step serves on any backend.
"""

import keras
from keras import layers, ops

from dermbook.errors import ParameterError

#: both networks halve or double each side three times
STRIDE = 8
#: columns of ``moves``: see ``moved``
MOVES = ("flip_horizontal", "flip_vertical", "down", "right", "brightness", "contrast")


def generator(shape: tuple[int, int, int], *, width: int = 32, latent: int = 64) -> keras.Model:
    """From float32 (n, latent), standard normal, to images float32 (n, height, width, 3), −1..1.

    width: channels in the middle; a multiple of 8. Raises ParameterError for sides that are not
    multiples of 8, or such a width.
    """
    height, breadth = _checked_shape(shape)
    _check_width(width)
    if latent < 1:
        raise ParameterError(f"latent: must be 1 or more, not {latent}.")
    rows, columns = height // STRIDE, breadth // STRIDE
    numbers = keras.Input((latent,), name="numbers")
    x = layers.Dense(rows * columns * 4 * width)(numbers)
    x = layers.Reshape((rows, columns, 4 * width))(x)
    x = _normalised(x, 4 * width)
    for channels in (2 * width, width, width // 2):
        # repeating pixels and then convolving leaves no chequered pattern, as a transposed one does
        x = layers.UpSampling2D()(x)
        x = layers.Conv2D(channels, 3, padding="same")(x)
        x = _normalised(x, channels)
    images = layers.Conv2D(3, 3, padding="same", activation="tanh", name="images")(x)
    return keras.Model(numbers, images, name="generator")


def discriminator(shape: tuple[int, int, int], *, width: int = 32) -> keras.Model:
    """From images float32 (n, height, width, 3), −1..1, to scores float32 (n, 1): high is real.

    Raises as ``generator``.
    """
    _checked_shape(shape)
    _check_width(width)
    image = keras.Input(shape, name="image")
    x = image
    for channels in (width, 2 * width, 4 * width):
        x = SpectralConv2D(channels, 4, strides=2)(x)
        x = layers.LeakyReLU(negative_slope=0.2)(x)
    score = SpectralDense(1, name="score")(layers.Flatten()(x))
    return keras.Model(image, score, name="discriminator")


class _Spectral(layers.Layer):
    """A layer whose kernel, as a matrix, has a largest singular value of 1.

    The singular value is followed by one step of the power method in each training pass; its
    vector is kept. Gradients flow through the division.
    """

    def _add_kernel(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=shape[-1:], initializer="zeros", name="bias")
        self.direction = self.add_weight(
            shape=(1, shape[-1]), initializer="random_normal", trainable=False, name="direction"
        )

    def normalised_kernel(self, training: bool):
        """The kernel over its largest singular value."""
        kernel = ops.convert_to_tensor(self.kernel)
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(matrix)
        left = _unit(ops.matmul(ops.convert_to_tensor(self.direction), ops.transpose(fixed)))
        right = _unit(ops.matmul(left, fixed))
        left, right = ops.stop_gradient(left), ops.stop_gradient(right)
        if training:
            self.direction.assign(right)
        return kernel / (ops.sum(ops.matmul(left, matrix) * right) + 1e-12)


@keras.saving.register_keras_serializable("dermbook")
class SpectralConv2D(_Spectral):
    """A convolution with spectral normalisation; borders are padded to keep size / strides."""

    def __init__(self, filters: int, kernel_size: int, strides: int = 1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides

    def build(self, input_shape) -> None:
        self._add_kernel((self.kernel_size, self.kernel_size, input_shape[-1], self.filters))

    def call(self, images, training=False):
        """float32 (n, height, width, channels) to (n, height / strides, …, filters)."""
        kernel = self.normalised_kernel(bool(training))
        result = ops.conv(images, kernel, strides=self.strides, padding="same")
        return result + ops.convert_to_tensor(self.bias)

    def get_config(self) -> dict:
        own = {name: getattr(self, name) for name in ("filters", "kernel_size", "strides")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("dermbook")
class SpectralDense(_Spectral):
    """A dense layer with spectral normalisation."""

    def __init__(self, units: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape) -> None:
        self._add_kernel((input_shape[-1], self.units))

    def call(self, vectors, training=False):
        """float32 (n, d) to (n, units)."""
        kernel = self.normalised_kernel(bool(training))
        return ops.matmul(vectors, kernel) + ops.convert_to_tensor(self.bias)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}


def moved(images, moves):
    """Images, each changed in its own way, so that gradients pass through (Zhao et al. 2020).

    images: float32 (n, height, width, 3), −1..1. moves: float32 (n, 6), the columns of ``MOVES``:
    two flips (0 or 1), whole pixels down and right (what comes into view is 0, mid gray), what is
    added to all values, and the factor of the distance to the image's mean.
    """
    height, width = images.shape[1:3]
    column = [moves[:, place][:, None, None, None] for place in range(len(MOVES))]
    images = column[0] * ops.flip(images, axis=2) + (1 - column[0]) * images
    images = column[1] * ops.flip(images, axis=1) + (1 - column[1]) * images
    mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
    images = (images - mean) * column[5] + mean + column[4]
    images = ops.einsum("bij,bjwc->biwc", _shift(height, moves[:, 2]), images)
    return ops.einsum("bij,bhjc->bhic", _shift(width, moves[:, 3]), images)


class Adversarial(keras.Model):
    """Generator and discriminator in one model, trained by Keras's own step.

    Inputs of a step: ``real`` float32 (b, height, width, 3), ``numbers`` (b, latent), ``moves``
    (b, 2, 6): how the real and the generated image is changed before it is scored. average: the
    weight of the past in ``average``, the generator's running mean, which makes the pictures.
    """

    def __init__(
        self, generator: keras.Model, discriminator: keras.Model, *, average: float = 0.99
    ) -> None:
        super().__init__(name="adversarial")
        if not 0 <= average < 1:
            raise ParameterError(f"average: must be at least 0 and below 1, not {average}.")
        self.generator, self.discriminator = generator, discriminator
        self.average = keras.models.clone_model(generator)
        self.average.set_weights(generator.get_weights())
        self.average.trainable = False
        self.momentum = float(average)
        self.trackers = [keras.metrics.Mean(name=f"{who}_loss") for who in LOSSES]
        self.built = True

    def call(self, inputs, training=False):
        """Scores of real images, of generated ones, and of these as the generator sees them."""
        made = self.generator(inputs["numbers"], training=training)
        changed = moved(made, inputs["moves"][:, 1])
        both = ops.concatenate([moved(inputs["real"], inputs["moves"][:, 0]), changed])
        # here the generator is a constant …
        scores = self.discriminator(ops.stop_gradient(both), training=training)
        real, generated = ops.split(scores, 2)
        if training:
            self._average()
        # … and here the discriminator
        return {"real": real, "generated": generated, "judged": self._judge(changed)}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True, **unused
    ):
        """Hinge loss of the discriminator plus the generator's; each moves its own weights only."""
        own = hinge(y_pred["real"], y_pred["generated"])
        made = -ops.mean(y_pred["judged"])
        for tracker, value in zip(self.trackers, (own, made), strict=True):
            tracker.update_state(value)
        return own + made

    def _judge(self, images):
        """The discriminator's scores, its weights being constants."""
        fixed = [
            [ops.stop_gradient(ops.convert_to_tensor(variable)) for variable in group]
            for group in (
                self.discriminator.trainable_variables,
                self.discriminator.non_trainable_variables,
            )
        ]
        scores, _ = self.discriminator.stateless_call(*fixed, images, training=False)
        return scores

    def _average(self) -> None:
        pairs = zip(self.average.variables, self.generator.variables, strict=True)
        for kept, variable in pairs:
            past = ops.convert_to_tensor(kept)
            now = ops.stop_gradient(ops.convert_to_tensor(variable))
            kept.assign(self.momentum * past + (1 - self.momentum) * now)


#: the two players, in the order of ``Adversarial.trackers``
LOSSES = ("discriminator", "generator")


def hinge(real, generated):
    """The discriminator's loss: real images should score above 1, generated ones below −1."""
    return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + generated))


def _normalised(x, channels: int):
    return layers.ReLU()(layers.GroupNormalization(groups=channels // 4)(x))


def _shift(size: int, pixels):
    """Matrices (n, size, size) that move a row by so many places; beyond the border it is lost."""
    places = ops.arange(size, dtype="float32")
    gap = places[None, :, None] - places[None, None, :] - pixels[:, None, None]
    return ops.cast(ops.abs(gap) < 0.5, "float32")


def _unit(vector):
    return vector / (ops.sqrt(ops.sum(ops.square(vector))) + 1e-12)


def _checked_shape(shape: tuple[int, int, int]) -> tuple[int, int]:
    height, width, channels = shape
    if height < STRIDE or width < STRIDE or height % STRIDE or width % STRIDE or channels != 3:
        raise ParameterError(
            f"A generator's images need height and width that are multiples of {STRIDE}, and 3 "
            f"channels, not {height}×{width} with {channels}."
        )
    return height, width


def _check_width(width: int) -> None:
    if width < 8 or width % 8:
        raise ParameterError(f"width: must be a multiple of 8, not {width}.")
