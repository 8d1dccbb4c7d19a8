import pytest
from fake_book import make_book, write_chapter

from dermbook.errors import ChapterError
from dermbook.publishing.header import find_chapter, read_header, read_headers, with_needs


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_headers_come_in_the_books_order_with_number_path_and_text_rows(book):
    headers = read_headers()
    assert list(headers) == ["one", "two", "three"]
    assert [header.number for header in headers.values()] == [1, 2, 3]
    assert headers["two"].needs == ("one",)
    assert headers["two"].path == book / "notebooks" / "02_two.py"
    assert headers["two"].notebook.name == "02_two.ipynb"
    # 1.10 read as a number would be row 1.1
    assert headers["one"].rows == ("1.10",)
    assert headers["one"].accelerator == "none"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('rows: ["1.10"]', "rows: [1.10]", "rows: write each row in quotes"),
        ('rows: ["1.10"]', 'rows: ["1-10"]', "rows: '1-10' does not look like"),
        ("lessons: [M5]", "lessons: [5]", "lessons"),
        ("lessons: [M5]", "lessons: [m5]", "lessons: 'm5' does not look like"),
        ("title: Chapter one", "titel: Chapter one", "did you mean title"),
        ("title: Chapter one", "", "title: field required"),
        ("chapter: one", "chapter: first", "'first' but the file's name says 'one'"),
        ("part: I\n", "part: VII\n", "part: "),
        ("accelerator: none", "accelerator: gpu", "accelerator: "),
        ("minutes: {quick: 0.1}", "minutes: {laptop: 3}", "minutes: give at least"),
        ("minutes: {quick: 0.1}", "minutes: {quick: -1}", "minutes: "),
        ("description: A chapter", "description: " + "A" * 101 + " chapter", "description: "),
        ("title: Chapter one", "title: Chapter: one", "not valid YAML"),
        ("title: Chapter one", "title: a\n#     title: b", "stands twice"),
        ("dermbook:\n", "other:\n", "no mapping 'dermbook:'"),
        ("# ---\n\n", "\n", "never closed"),
    ],
)
def test_a_malformed_header_names_file_and_key(book, old, new, named):
    path = edit(book / "notebooks" / "01_one.py", old, new)
    with pytest.raises(ChapterError, match=r"01_one\.py") as raised:
        read_header(path)
    assert named in str(raised.value)


def test_every_problem_of_a_header_is_named_at_once(book):
    path = edit(book / "notebooks" / "01_one.py", "part: I\n", "part: X\n")
    edit(path, "accelerator: none", "accelerator: maybe")
    with pytest.raises(ChapterError) as raised:
        read_header(path)
    assert "part: " in str(raised.value)
    assert "accelerator: " in str(raised.value)


def test_needs_must_exist_and_must_not_run_in_a_circle(book):
    write_chapter(book, "03_three", needs=("won",))
    with pytest.raises(ChapterError, match=r"03_three\.py.*'won' \(did you mean .*one"):
        read_headers()
    write_chapter(book, "03_three", needs=("two",))
    write_chapter(book, "01_one", needs=("three",))
    with pytest.raises(ChapterError, match="circle: one needs three needs two needs one"):
        read_headers()


def test_two_chapters_cannot_share_a_number_and_names_must_follow_the_pattern(book):
    write_chapter(book, "03_four")
    with pytest.raises(ChapterError, match="number 03 is taken by 03_four"):
        read_headers()
    (book / "notebooks" / "03_four.py").rename(book / "notebooks" / "four.py")
    with pytest.raises(ChapterError, match=r"four\.py: a chapter's file is named NN_name\.py"):
        read_headers()


def test_chapters_are_found_by_slug_or_file_and_the_nearest_are_named(book):
    for name in ("two", "02_two", "02_two.py", "notebooks/02_two.ipynb"):
        assert find_chapter(name).chapter == "two"
    with pytest.raises(ChapterError, match=r"'thre' \(did you mean three"):
        find_chapter("thre")
    with pytest.raises(ChapterError, match="there are: one, two, three"):
        find_chapter("zzzz")


def test_with_needs_follows_needs_of_needs_in_the_books_order(book):
    write_chapter(book, "04_four", needs=("two",))
    assert with_needs(["four"], read_headers()) == ["one", "two", "four"]


def test_an_edited_header_is_read_again(book):
    assert read_headers()["one"].title == "Chapter one"
    edit(book / "notebooks" / "01_one.py", "title: Chapter one", "title: Chapter uno")
    assert read_headers()["one"].title == "Chapter uno"
