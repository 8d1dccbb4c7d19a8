import pytest
from fake_book import make_book

from dermbook.publishing.pairing import sync_pairs
from dermbook.publishing.standard import check_chapter

GOOD = '''# ---
# jupyter:
#   dermbook:
#     chapter: good
#     title: A good chapter
#     question: Is it good?
#     description: Everything a chapter has.
#     part: I
#     needs: []
#     rows: ["2.2"]
#     lessons: [M6]
#     accelerator: none
#     minutes: {quick: 0.1}
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A good chapter
#
# **Question.** Is it good?
#
# ## What you will be able to do
#
# - much
#
# ## What it needs
#
# Nothing.

# %% tags=["parameters"]
epochs: int = 3  # passes over the training part

# %%
%matplotlib inline
from dermbook.publishing import open_chapter

chapter = open_chapter("good", globals())


def double(x):
    """Twice as much."""
    y = x
    y = y + x
    return y


# %%
chapter.figure("f", draw, caption="Shown.", alt=f"{double(2)} dots")
chapter.picture("p", draw, collection=c, caption="Shown.", alt="dots")
chapter.table("t", caption="Listed.")

# %% [markdown]
# ## What we found
#
# ## Exercises
#
# 1. Why?
#
# ```{admonition} Solutions
# :class: dropdown
#
# 1. Because.
# ```

# %%
chapter.close()
'''.replace("%matplotlib", "# %matplotlib")


@pytest.fixture
def path(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root / "notebooks" / "04_good.py"


def violations(path, text):
    path.write_text(text, encoding="utf-8")
    sync_pairs()
    return check_chapter(path)


def test_a_good_chapter_has_no_violations(path):
    assert violations(path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title: A good chapter", "title: Another", "differs from the header's title 'Another'"),
        ("part: I\n", "part: X\n", "part: "),
        ("# # A good chapter", "# ## A good chapter", "must be markdown that begins with '# '"),
        ("# **Question.** Is", "# Is", "begins with '**Question.**'"),
        ("## What it needs", "## Needs", "there is no section '## What it needs'"),
        (":class: dropdown", ":class: note", "need folded solutions"),
        ("  # passes over the training part", "", "parameter epochs: no comment"),
        ("epochs: int = 3", "epochs = 3", "name: type = default"),
        ("    y = y + x", "    y = y + x\n    y = y", "double has 6 lines"),
        ('caption="Shown.", alt=f"', 'caption="", alt=f"', "figure(…) needs a non-empty caption="),
        (', alt="dots"', "", "chapter.picture(…) needs a non-empty alt="),
        ('("t", caption="Listed.")', '("t")', "chapter.table(…) needs a non-empty caption="),
        ('("t", caption="Listed.")', '("t", caption=" ")', "table(…) needs a non-empty caption="),
        ("chapter.close()", "print()", "must call chapter.close()"),
        ("chapter = open_chapter(", "chapter = opened(", "no cell calls open_chapter"),
        ("from dermbook.pub", "import keras.ops\nfrom dermbook.pub", "imports keras, but"),
        ("from dermbook.pub", "from tensorflow import x\nfrom dermbook.pub", "imports tensorflow"),
        ('"Shown.", alt=f', '"Shown' + "n" * 60 + '.", alt=f', "longer than 100 characters"),
        ("    y = x\n", "    y = = x\n", "not valid Python"),
    ],
)
def test_each_lack_is_said_and_nothing_else(path, old, new, said):
    assert GOOD.count(old) >= 1
    found = violations(path, GOOD.replace(old, new, 1))
    assert any(said in violation for violation in found), found
    assert len(found) == 1, found


def test_sections_have_an_order(path):
    text = GOOD.replace("## What we found", "## X").replace("## Exercises", "## What we found")
    found = violations(path, text.replace("## X", "## Exercises"))
    assert any("in this order" in violation for violation in found)


def test_the_pair_must_be_there_in_sync_and_without_outputs(path):
    assert violations(path, GOOD) == []
    notebook = path.with_suffix(".ipynb")
    text = notebook.read_text()
    notebook.write_text(text.replace('"outputs": []', '"outputs": [{}]', 1))
    assert check_chapter(path) == ["04_good.ipynb holds outputs; run: dermbook pair"]
    notebook.write_text(text.replace('execution_count": null', 'execution_count": 3', 1))
    assert check_chapter(path) == ["04_good.ipynb holds outputs; run: dermbook pair"]
    notebook.write_text(text.replace("epochs: int = 3", "epochs: int = 4"))
    assert check_chapter(path) == [
        "04_good.ipynb is not in sync with 04_good.py; run: dermbook pair"
    ]
    notebook.write_text("{}")
    assert check_chapter(path) == ["04_good.ipynb is not a notebook; run: dermbook pair"]
    notebook.unlink()
    assert check_chapter(path) == ["there is no 04_good.ipynb beside it; run: dermbook pair"]
