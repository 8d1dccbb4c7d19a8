"""Thresholds chosen on validation, and what they do on the test part (row 1.15)."""

import pandas as pd

from dermbook.evaluation import Predictions, choose_threshold, threshold_table, wilson
from dermbook.publishing.compare import plain


def chosen_thresholds(
    validation: Predictions,
    test: Predictions,
    positive: str,
    *,
    cost: float,
    sensitivity: float,
) -> pd.DataFrame:
    """Thresholds chosen on validation, and what they do on the test part (row 1.15).

    Three rows: one half, least cost (a miss costs ``cost`` false alarms), required sensitivity.
    Columns: rule, threshold, missed, false_alarms (images of the test part), sensitivity and
    specificity with Wilson's ``_low`` and ``_high``.
    """
    rules = {
        "one half": 0.5,
        f"least cost, a miss costs {cost:g}": choose_threshold(
            validation, positive, false_negative_cost=cost
        ),
        f"sensitivity of {plain(sensitivity)} on validation": choose_threshold(
            validation, positive, sensitivity=sensitivity
        ),
    }
    rows = []
    for rule, threshold in rules.items():
        row = threshold_table(test, positive, [threshold], false_negative_cost=cost).iloc[0]
        sensitive = wilson(int(row["tp"]), int(row["tp"] + row["fn"]))
        specific = wilson(int(row["tn"]), int(row["tn"] + row["fp"]))
        rows.append(
            {
                "rule": rule,
                "threshold": threshold,
                "missed": int(row["fn"]),
                "false_alarms": int(row["fp"]),
                "sensitivity": row["sensitivity"],
                "sensitivity_low": float(sensitive[0]),
                "sensitivity_high": float(sensitive[1]),
                "specificity": row["specificity"],
                "specificity_low": float(specific[0]),
                "specificity_high": float(specific[1]),
                "cost": row["cost"],
            }
        )
    return pd.DataFrame(rows)
