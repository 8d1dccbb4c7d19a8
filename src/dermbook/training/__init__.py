"""Training: ``fit`` and its settings, seeds, class weights, and a trained model's probabilities."""

from dermbook.training.bookkeeping import FitResult
from dermbook.training.feed import Feed
from dermbook.training.fit import fit
from dermbook.training.imbalance import balanced_class_weights
from dermbook.training.predicting import predict_probabilities
from dermbook.training.schedule import EarlyStopping, Plateau
from dermbook.training.seeds import seed_everything

__all__ = [
    "EarlyStopping",
    "Feed",
    "FitResult",
    "Plateau",
    "balanced_class_weights",
    "fit",
    "predict_probabilities",
    "seed_everything",
]
