import pandas as pd

from dermbook.publishing import summaries


def steps(left: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"step": list("abcd"), "rows": [16577, 17, 41, 0], "left": [16577, 16560, left, left]}
    )


def test_r0_s_dead_addresses():
    finding = summaries.address_finding(steps(16519), phantom=False)
    assert "leaves 13 dead addresses" in finding["because"]
    assert finding["verdict"] == "cannot be compared"
    assert finding["measured"].startswith("16,577 rows, 17 wrongly labelled, 41 without")


def test_a_count_that_is_impossible_is_not_confirmed():
    assert summaries.address_finding(steps(16505), phantom=False)["verdict"] == "not confirmed"


def test_the_phantom_s_table_says_nothing_of_r0():
    finding = summaries.address_finding(steps(100), phantom=True)
    assert finding["verdict"] == "cannot be compared"
    assert "16,506" not in finding["because"]


def test_folders():
    folders = pd.DataFrame({"folder": ["a/", "b/"], "images": [2, 3], "zipped": [2, 3]})
    assert "5 phantom images in 2 class folders, 5" in summaries.folder_finding(folders)["measured"]
