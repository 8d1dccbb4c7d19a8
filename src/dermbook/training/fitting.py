"""Training a Keras model on Batches: one function, the same numbers from the same seed."""

import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from dermbook.errors import ParameterError
from dermbook.training.bookkeeping import Bookkeeper, FitResult
from dermbook.training.checkpointing import load_checkpoint, training_signature, without_names
from dermbook.training.feed import Feed, check_batches
from dermbook.training.graphs import graphs_as_written
from dermbook.training.reporting import Verbose, resolve_verbose
from dermbook.training.schedule import Best, EarlyStopping, Plateau, Progress
from dermbook.training.seeds import reseed_layers, seed_everything

if TYPE_CHECKING:
    from dermbook.data.batches import Batches


def fit(
    model: keras.Model,
    train: "Batches",
    validation: "Batches | None" = None,
    *,
    epochs: int,
    learning_rate: float = 1e-3,
    optimizer: str | keras.optimizers.Optimizer = "adam",
    loss: str | Callable[..., Any] = "auto",
    metrics: Sequence[Any] = ("accuracy",),
    class_weight: Mapping[int, float] | None = None,
    early_stopping: EarlyStopping | None = None,
    plateau: Plateau | None = None,
    restore_best: bool = True,
    checkpoint: Path | None = None,
    resume: bool = True,
    tensorboard: Path | None = None,
    seed: int = 0,
    deterministic: bool = True,
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    steps_per_execution: int = 1,
    verbose: Verbose = "auto",
) -> FitResult:
    """Train a model in place, and give it the weights of its best epoch.

    The result is a function of the model's weights, the batches, the settings and ``seed``:
    calling again with equal ones, in this process or another, gives bit-identical weights (see
    ``seed_everything`` for its limits). The model is compiled anew, so a second ``fit`` with other
    layers unfrozen starts with a fresh optimizer.

    The best epoch is the first with the best value of ``early_stopping.monitor``, whatever its
    ``min_delta``; without early stopping, with the lowest val_loss; without validation the last
    epoch counts as the best.

    Args:
        model: outputs probabilities; from ``dermbook.models.build`` or your own.
        train: ``dermbook.data.Batches``.
        validation: Batches, or None for no validation.
        epochs: most epochs to train, ≥ 1.
        learning_rate: > 0, of an optimizer given by name.
        optimizer: a name of Keras ("adam", "sgd", "nadam", …), or an optimizer, of which a fresh
            copy with its own rate is used.
        loss: "auto" is sparse categorical cross-entropy, or binary cross-entropy for a model with
            one output unit; or any loss of Keras for integer labels.
        metrics: Keras metrics by name or object; averaged over images, without class weights.
        class_weight: class code → weight of its images in the training loss (the validation loss
            is not weighted); multiplied with the batches' own sample weights.
        early_stopping, plateau: see ``EarlyStopping`` and ``Plateau``; both count by epoch.
        restore_best: put the weights of the best epoch back at the end; else those of the last
            epoch stay.
        checkpoint: file to keep the state in, written whole after every epoch and deleted at the
            end. If it exists and is of exactly this training, the training goes on from it and
            ends with the same numbers (seconds apart); if it is of another, it says so in a
            warning and starts anew.
        resume: False ignores an existing checkpoint.
        tensorboard: folder for TensorBoard's logs; needs the package tensorboard.
        seed: decides dropout masks and everything drawn by the backend. The order of the images
            and their augmentation come from the batches' seed, the first weights from ``build``'s.
        deterministic: see ``seed_everything``.
        on_epoch: called with each new history row, after it is saved; what it raises ends the
            training (a pruned trial of a search, say).
        steps_per_execution: steps that the backend takes at once. More make small models faster,
            whose steps cost less than what surrounds them; the numbers are the same, up to the last
            digits. TensorFlow then does not optimize their graphs (see ``graphs_as_written``).
        verbose: "bar", "line" (one line an epoch), "none"; "auto" is a bar in a terminal, else
            lines.

    Returns:
        A FitResult. A loss that becomes infinite or NaN ends the training and sets ``diverged``;
        the best epoch's weights are restored even then, if there was one.

    Raises:
        ParameterError: a value out of range, an unknown monitor, a class without a weight.
        DataError: no images.
    """
    metric_names = [m if isinstance(m, str) else m.name for m in metrics]
    monitor, best = _best_rule(early_stopping, validation)
    check_batches("train", train)
    if validation is not None:
        check_batches("validation", validation)
    _check_epochs(epochs, learning_rate)
    _check_monitors([early_stopping, plateau], metric_names, validation)
    _check_tensorboard(tensorboard)
    _check_codes(model, {"train": train, "validation": validation})
    verbose = resolve_verbose(verbose)
    feed = Feed(train, class_weight=class_weight)

    seed_everything(seed, deterministic=deterministic)
    reseed_layers(model, seed)
    chosen_loss = _loss_for(model) if isinstance(loss, str) and loss == "auto" else loss
    chosen_optimizer = _fresh_optimizer(optimizer, learning_rate, plateau)
    model.compile(
        optimizer=chosen_optimizer,
        loss=chosen_loss,
        metrics=list(metrics),
        steps_per_execution=steps_per_execution,
    )
    signature: dict[str, str] = {}
    if checkpoint is not None:
        settings = {
            "epochs": epochs,
            "loss": _loss_name(chosen_loss),
            "metrics": metric_names,
            "class weights": class_weight and sorted(class_weight.items()),
            "early stopping": early_stopping,
            "plateau": plateau,
            "restore best": restore_best,
            "seed": seed,
            "deterministic": deterministic,
        }
        signature = training_signature(model, train, validation, settings)
    books = Bookkeeper(
        train=train,
        epochs=epochs,
        metrics=metric_names,
        seed=seed,
        progress=Progress(best=best, stopping=early_stopping, plateau=plateau),
        monitor=monitor,
        restore_best=restore_best,
        checkpoint=checkpoint,
        signature=signature,
        on_epoch=on_epoch,
        verbose=verbose,
    )
    done = _resume(model, books, checkpoint, signature) if checkpoint and resume else 0
    if done < epochs and not books.ended:
        # steps are joined where they are so small that preparing them would cost more
        with graphs_as_written(steps_per_execution > 1):
            model.fit(
                feed,
                validation_data=None if validation is None else Feed(validation),
                epochs=epochs,
                initial_epoch=done,
                shuffle=False,
                callbacks=[books, *_tensorboard(tensorboard)],
                verbose=1 if verbose == "bar" else 0,
            )
    result = books.finish(model, done)
    if checkpoint is not None:
        Path(checkpoint).unlink(missing_ok=True)
    return result


def _resume(
    model: keras.Model, books: Bookkeeper, checkpoint: Path, signature: Mapping[str, str]
) -> int:
    """Go on from the checkpoint if it is of this training; how many epochs it had done."""
    state, problem = load_checkpoint(Path(checkpoint), signature)
    if problem:
        warnings.warn(
            f"Checkpoint {checkpoint} is not used: {problem}. The training starts anew.",
            stacklevel=3,
        )
    if state is None:
        return 0
    state.put_into(model)
    books.take_over(state)
    if books.verbose != "none":
        print(f"going on after epoch {len(state.rows)} of {books.epochs} ({checkpoint})")
    return len(state.rows)


def _best_rule(stopping: EarlyStopping | None, validation: Any) -> tuple[str, Best | None]:
    if stopping is not None:
        return stopping.monitor, Best(stopping.mode)
    # training loss says nothing about which epoch is better; then the last one is taken
    return ("val_loss", Best("min")) if validation is not None else ("loss", None)


def _fresh_optimizer(
    optimizer: Any, learning_rate: float, plateau: Plateau | None
) -> keras.optimizers.Optimizer:
    if isinstance(optimizer, str):
        try:
            fresh = keras.optimizers.get(optimizer)
        except ValueError as error:
            raise ParameterError(
                f'Keras has no optimizer "{optimizer}"; try adam, sgd, nadam or rmsprop.'
            ) from error
        fresh.learning_rate = learning_rate
        return fresh
    config = optimizer.get_config()
    if plateau is not None and not isinstance(config["learning_rate"], float | int):
        raise ParameterError(
            "plateau cannot lower a learning rate that follows a schedule; give the optimizer a "
            "number, or leave plateau out."
        )
    return type(optimizer).from_config(config)


def _loss_for(model: keras.Model) -> str:
    one_unit = model.output_shape[-1] == 1
    return "binary_crossentropy" if one_unit else "sparse_categorical_crossentropy"


def _loss_name(loss: Any) -> Any:
    if isinstance(loss, keras.losses.Loss):
        return without_names(keras.losses.serialize(loss))
    return loss if isinstance(loss, str) else getattr(loss, "__qualname__", type(loss).__qualname__)


def _check_epochs(epochs: int, learning_rate: float) -> None:
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 1:
        raise ParameterError(f"epochs must be a whole number of at least 1, not {epochs!r}.")
    if not isinstance(learning_rate, int | float) or not 0 < learning_rate < math.inf:
        raise ParameterError(f"learning_rate must be more than 0, not {learning_rate!r}.")


def _check_codes(model: keras.Model, parts: Mapping[str, Any]) -> None:
    classes = max(model.output_shape[-1], 2)
    for name, batches in parts.items():
        # batches with other targets than class codes (masks, say) have no such attribute
        codes = getattr(batches, "codes", None)
        if codes is not None and np.max(codes) >= classes:
            raise ParameterError(
                f"{name} has the class code {np.max(codes)}, but the model has {classes} classes "
                f"(codes 0 to {classes - 1}). Build it with as many as the collection has."
            )


def _check_monitors(
    settings: Sequence[EarlyStopping | Plateau | None], metrics: Sequence[str], validation: Any
) -> None:
    known = ["loss", *metrics]
    if validation is not None:
        known += [f"val_{name}" for name in known]
    for setting in settings:
        if setting is not None and setting.monitor not in known:
            hint = "" if validation is not None else " There are no validation images."
            raise ParameterError(
                f'{type(setting).__name__} cannot monitor "{setting.monitor}": this training '
                f"gives {', '.join(known)}.{hint}"
            )


def _tensorboard(folder: Path | None) -> list[keras.callbacks.Callback]:
    return [] if folder is None else [keras.callbacks.TensorBoard(log_dir=str(folder))]


def _check_tensorboard(folder: Path | None) -> None:
    if folder is not None and importlib.util.find_spec("tensorboard") is None:
        raise ParameterError(
            "tensorboard needs the package tensorboard, which is not installed: "
            "pip install tensorboard, or leave the parameter out."
        )
