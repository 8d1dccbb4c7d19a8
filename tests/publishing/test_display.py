"""Blocks: what JupyterLab and the site get to show."""

import base64
import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from dermbook.errors import ParameterError
from dermbook.publishing.display import figure_block, note_block, table_block


def line(colour: str = "red") -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2], color=colour)
    return figure


FRAME = pd.DataFrame(
    {
        "model": ["a|b", "c_*d*$x$"],
        "value": [0.6309, 0.2],
        "low": [0.6, None],
        "high": [0.662, 0.3],
        "n": [1503, 20],
        "clean": [True, False],
    }
)


def test_a_figure_has_a_number_a_name_a_caption_and_an_alternative():
    block = figure_block("a-figure", [("This run", line())], caption="What it\nis.", alt="A line.")
    bundle = block._repr_mimebundle_()
    site = bundle["text/markdown"]
    assert re.match(r"`+\{figure\} data:image/svg\+xml;base64,", site)
    assert ":name: a-figure\n:alt: A line." in site
    assert "What it is." in site
    assert "tab-set" not in site
    assert 'alt="A line."' in bundle["text/html"]


def test_the_first_tab_carries_the_number_and_the_others_do_not():
    panels = [("Published · laptop", line()), ("This run · quick · phantom", line("blue"))]
    site = figure_block("f", panels, caption="C.", alt="A.").markdown
    assert site.index("Published · laptop") < site.index("This run · quick")
    assert site.count("{figure}") == 1
    assert site.count("{image}") == 1
    assert site.count(":name: f") == 1
    assert site.index("{figure}") < site.index("{image}")
    assert ":class-label: tab-published" in site
    assert ":class-label: tab-run" in site


def test_the_same_figure_gives_the_same_bytes():
    first, second = (figure_block("f", [("r", line())], caption="C.", alt="A.") for _ in range(2))
    assert first == second


def test_formats_are_what_they_say():
    starts = {"png": b"\x89PNG", "jpg": b"\xff\xd8\xff"}
    for name, magic in starts.items():
        block = figure_block("f", [("r", line())], caption="C.", alt="A.", format=name)
        encoded = re.search(r"base64,(\S+)", block.markdown).group(1)
        assert base64.b64decode(encoded).startswith(magic)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"caption": " "}, "caption"),
        ({"alt": ""}, "alt text"),
        ({"panels": []}, "nothing"),
        ({"name": "No Spaces"}, "cannot label"),
    ],
)
def test_a_figure_without_words_is_refused(changes, told):
    given = {"name": "f", "panels": [("r", line())], "caption": "C.", "alt": "A."} | changes
    name, panels = given.pop("name"), given.pop("panels")
    with pytest.raises(ParameterError, match=told):
        figure_block(name, panels, **given)


def test_a_table_merges_intervals_aligns_numbers_and_escapes_text():
    site = table_block("t", [("r", FRAME)], caption="C.").markdown
    rows = [row for row in site.splitlines() if row.startswith("|")]
    assert rows[0] == "| model | value | n | clean |"
    assert rows[1] == "| :-- | --: | --: | :-- |"
    assert rows[2] == r"| a\|b | .631 (.600–.662) | 1,503 | yes |"
    # without a lower bound there is no interval to print
    assert rows[3] == r"| c\_\*d\*\$x\$ | .200 | 20 | no |"
    assert ":class: sortable\n" in site


def test_prefixed_intervals_merge_too_and_formats_apply():
    frame = pd.DataFrame({"a": [0.5], "a_low": [0.4], "a_high": [0.6], "p": [12.345]})
    site = table_block("t", [("r", frame)], caption="C.", formats={"p": ".1f"}).markdown
    assert "| .500 (.400–.600) | 12.3 |" in site
    with pytest.raises(ParameterError, match="'q'"):
        table_block("t", [("r", frame)], caption="C.", formats={"q": ".1f"})


def test_options_of_a_table_are_classes_and_a_fold():
    site = table_block(
        "t", [("r", FRAME)], caption="C.", filterable=True, downloadable=True, folded=True
    ).markdown
    assert ":class: sortable filterable downloadable" in site
    assert re.match(r":+\{dropdown\} C\.", site)


def test_lab_gets_plain_html_with_escaped_cells():
    shown = table_block("t", [("<run>", FRAME)], caption="C & D")._repr_mimebundle_()["text/html"]
    assert "&lt;run&gt;" in shown
    assert "C &amp; D" in shown
    assert '<td style="text-align:right">1,503</td>' in shown


def test_an_empty_table_is_still_a_table():
    empty = FRAME.iloc[:0]
    assert (
        "| model | value | n | clean |" in table_block("t", [("r", empty)], caption="C.").markdown
    )


def test_a_note_is_markdown():
    assert note_block("**a**")._repr_mimebundle_()["text/markdown"] == "**a**"
