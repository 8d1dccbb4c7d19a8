"""Training: ``fit`` and its settings, seeds, class weights, and a trained model's probabilities.

What needs Keras is imported when it is first used: resampling and class weights do not.
"""

from typing import TYPE_CHECKING

from dermbook.lazy import imported_when_used
from dermbook.training.imbalance import balanced_class_weights
from dermbook.training.schedule import EarlyStopping, Plateau

if TYPE_CHECKING:
    from dermbook.training.bookkeeping import FitResult
    from dermbook.training.feed import Feed
    from dermbook.training.fitting import fit
    from dermbook.training.predicting import predict_flipped, predict_probabilities
    from dermbook.training.seeds import seed_everything

_WITH_KERAS = {
    "Feed": "feed",
    "FitResult": "bookkeeping",
    "fit": "fitting",
    "predict_flipped": "predicting",
    "predict_probabilities": "predicting",
    "seed_everything": "seeds",
}
__all__ = [
    "EarlyStopping",
    "Feed",
    "FitResult",
    "Plateau",
    "balanced_class_weights",
    "fit",
    "predict_flipped",
    "predict_probabilities",
    "seed_everything",
]

__getattr__ = imported_when_used(__name__, _WITH_KERAS)
