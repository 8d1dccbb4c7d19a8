"""The tables and findings of the chapter *Ensembles*; ``evaluation.ensembles`` combines."""

from dermbook.publishing.ensembles.again import (
    predict_official,
    seeds_table,
    train_again,
)
from dermbook.publishing.ensembles.candidates import BINARY, Pool, gather, seven
from dermbook.publishing.ensembles.findings import (
    add_findings,
    hybrid_verdict,
    optimism_verdict,
    r1_verdict,
)
from dermbook.publishing.ensembles.official import (
    OFFICIAL,
    official_members,
    read_challenge_csv,
    submit,
)
from dermbook.publishing.ensembles.steps import (
    add_binary,
    add_ensemble,
    add_hybrid,
)
from dermbook.publishing.ensembles.tables import (
    Fitted,
    best_few,
    ensemble_gain,
    fit_rules,
    gain_table,
    hybrid_table,
    hybrids,
    member_curve,
    member_weights,
    r1_table,
    rule_table,
    selection_table,
)
from dermbook.publishing.ensembles.views import views_table

__all__ = [
    "BINARY",
    "OFFICIAL",
    "Fitted",
    "Pool",
    "add_binary",
    "add_ensemble",
    "add_findings",
    "add_hybrid",
    "best_few",
    "ensemble_gain",
    "fit_rules",
    "gain_table",
    "gather",
    "hybrid_table",
    "hybrid_verdict",
    "hybrids",
    "member_curve",
    "member_weights",
    "official_members",
    "optimism_verdict",
    "predict_official",
    "r1_table",
    "r1_verdict",
    "read_challenge_csv",
    "rule_table",
    "seeds_table",
    "selection_table",
    "seven",
    "submit",
    "train_again",
    "views_table",
]
