"""U-Net, which gives each pixel a probability of being lesion (row 3.10, Ronneberger et al. 2015).

It is in the registry like the other networks, but its output is a map, one number a pixel, and not
one row of probabilities an image.
"""

import keras
from keras import layers

from dermbook.errors import ParameterError
from dermbook.models.parts import check_choice, check_count, image_input
from dermbook.models.registry import register

UPSAMPLING = ("transposed", "bilinear")
OUTPUTS = ("logits", "probabilities")


def padded_size(height: int, width: int, depth: int) -> tuple[int, int]:
    """The next multiples of 2**depth: what a picture is padded to before ``depth`` halvings."""
    step = 2**depth
    return -(-height // step) * step, -(-width // step) * step


def unet_weights(
    width: int, depth: int, *, upsampling: str = "transposed", channels: int = 3
) -> int:
    """How many numbers a U-Net holds, by formula (those of batch normalisation counted, too).

    A double convolution from a to b maps has 9ab + 9b² + 8b; a transposed one 4ab + b.
    """

    def double(before: int, after: int) -> int:
        return 9 * before * after + 9 * after**2 + 8 * after

    total = double(channels, width)
    for level in range(1, depth + 1):
        below, here = width * 2**level, width * 2 ** (level - 1)
        total += double(here, below)
        if upsampling == "transposed":
            total += 4 * below * here + here + double(2 * here, here)
        else:
            total += double(below + here, here)
    return total + width + 1


def _smallest_unet(*, width: int, depth: int, upsampling: str, output: str) -> tuple[int, int]:
    check_count("width", width)
    check_count("depth", depth)
    check_choice("upsampling", upsampling, UPSAMPLING)
    check_choice("output", output, OUTPUTS)
    return 1, 1


@register(
    "unet",
    rows=("3.10",),
    description="R3's U-Net: a map of lesion probabilities, one number a pixel",
    smallest_input=_smallest_unet,
)
def unet(
    input_shape: tuple[int, int, int],
    classes: int,
    *,
    width: int = 16,
    depth: int = 4,
    upsampling: str = "transposed",
    output: str = "probabilities",
) -> keras.Model:
    """R3's U-Net: what the picture shows on the way down, where it is on the way up.

    Stated by the report: two convolutions with batch normalisation and ReLU make a block; blocks
    and max pooling lead down, transposed convolutions or bilinear upsampling, joined with the maps
    of the same size, lead up; a last convolution gives one channel.
    Our choice: 3×3 convolutions that keep the size and have no bias (the normalisation has one);
    ``width`` maps at full size, twice as many after each of ``depth`` halvings; 2×2 transposed
    convolutions that halve the maps; momentum 0.9 of the normalisation, PyTorch's default; sides
    that 2**depth does not divide are padded with black inside the network, and the map is cropped.

    classes: 1; another number is a ParameterError. output: logits (for
    ``training.segmentation_losses``) or probabilities. Output float32 (n, height, width, 1).
    """
    if classes != 1:
        raise ParameterError(f"unet: classes must be 1, lesion or not, not {classes}.")
    image, x = image_input(input_shape)
    before, after = _margins(input_shape[:2], depth)
    x = layers.ZeroPadding2D(tuple(zip(before, after, strict=True)), name="padded")(x)
    skipped = []
    for level in range(depth):
        x = _double_convolution(x, width * 2**level, f"down{level}")
        skipped.append(x)
        x = layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
    x = _double_convolution(x, width * 2**depth, "bottom")
    for level in reversed(range(depth)):
        x = _up(x, width * 2**level, upsampling, f"up{level}")
        x = layers.Concatenate(name=f"up{level}_joined")([skipped[level], x])
        x = _double_convolution(x, width * 2**level, f"up{level}")
    x = layers.Cropping2D(tuple(zip(before, after, strict=True)), name="cropped")(x)
    activation = None if output == "logits" else "sigmoid"
    x = layers.Conv2D(1, 1, activation=activation, dtype="float32", name=output)(x)
    return keras.Model(image, x, name="unet")


def _margins(size: tuple[int, int], depth: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Black rows and columns before the picture, and after it."""
    missing = [whole - side for side, whole in zip(size, padded_size(*size, depth), strict=True)]
    before = tuple(pixels // 2 for pixels in missing)
    return before, tuple(pixels - half for pixels, half in zip(missing, before, strict=True))


def _double_convolution(x: keras.KerasTensor, filters: int, name: str) -> keras.KerasTensor:
    for part in ("a", "b"):
        x = layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal",
            name=f"{name}_{part}",
        )(x)  # fmt: skip
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_{part}_norm")(x)
        x = layers.ReLU(name=f"{name}_{part}_relu")(x)
    return x


def _up(x: keras.KerasTensor, filters: int, upsampling: str, name: str) -> keras.KerasTensor:
    if upsampling == "bilinear":
        return layers.UpSampling2D(2, interpolation="bilinear", name=f"{name}_larger")(x)
    return layers.Conv2DTranspose(filters, 2, strides=2, name=f"{name}_larger")(x)
