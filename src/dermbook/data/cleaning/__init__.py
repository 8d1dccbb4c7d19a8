"""Cleaning a collection: files, quality marks, missing values, copies and suspicious labels.

Nothing here changes a collection behind its reader's back: searches give tables, and ``clean``
applies named rules and says what each dropped.
"""

from dermbook.data.cleaning.evidence import (
    Keypoints,
    count_matches,
    detail_agreement,
    evidence,
    keypoints,
    local_features,
    match,
    structural_similarity,
)
from dermbook.data.cleaning.files import (
    FILE_FAULTS,
    plant_file_faults,
    problem_table,
    scan_files,
)
from dermbook.data.cleaning.hashing import (
    DIHEDRAL,
    difference_hash,
    dihedral_hashes,
    hamming,
    hash_pairs,
    perceptual_hash,
)
from dermbook.data.cleaning.labels import out_of_fold, suspicion_counts, suspicions
from dermbook.data.cleaning.missing import (
    encode_target,
    encoding_experiment,
    fill_experiment,
    fill_missing,
    fill_value,
)
from dermbook.data.cleaning.neighbours import colour_vectors, cosine_pairs, thumbnail_vectors
from dermbook.data.cleaning.pairs import (
    across_groups,
    describe_pairs,
    exact_duplicates,
    group_by_pairs,
    surplus,
)
from dermbook.data.cleaning.rules import (
    UNREVIEWED,
    WRONG,
    Cleaned,
    Rule,
    by_qc,
    clean,
    copies_rule,
    ids_rule,
    missing_rule,
    qc_rule,
    qc_table,
)
from dermbook.data.cleaning.truth import KINDS, origins, planted_copies, planted_kind
from dermbook.data.cleaning.words import word_pairs, word_vectors

__all__ = [
    "DIHEDRAL",
    "FILE_FAULTS",
    "KINDS",
    "UNREVIEWED",
    "WRONG",
    "Cleaned",
    "Keypoints",
    "Rule",
    "across_groups",
    "by_qc",
    "clean",
    "colour_vectors",
    "copies_rule",
    "cosine_pairs",
    "count_matches",
    "describe_pairs",
    "detail_agreement",
    "difference_hash",
    "dihedral_hashes",
    "encode_target",
    "encoding_experiment",
    "evidence",
    "exact_duplicates",
    "fill_experiment",
    "fill_missing",
    "fill_value",
    "group_by_pairs",
    "hamming",
    "hash_pairs",
    "ids_rule",
    "keypoints",
    "local_features",
    "match",
    "missing_rule",
    "origins",
    "out_of_fold",
    "perceptual_hash",
    "plant_file_faults",
    "planted_copies",
    "planted_kind",
    "problem_table",
    "qc_rule",
    "qc_table",
    "scan_files",
    "structural_similarity",
    "surplus",
    "suspicion_counts",
    "suspicions",
    "thumbnail_vectors",
    "word_pairs",
    "word_vectors",
]
