"""The built pages in a real browser with the network off: nothing is fetched, tables work,
colours can be read, and no page is wider than a phone."""

from pathlib import Path

import chromium
import pytest
from mini_book import CHAPTER, write_book

from dermbook.publishing.site import build_site, external_loads

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        chromium.find_chromium() is None,
        reason="no Chromium or Chrome here: install one, or name it in CHROMIUM",
    ),
]
PHONE = 390
#: WCAG 2.1, success criterion 1.4.3 (AA), text of ordinary size
CONTRAST = 4.5

CONTRASTS = """
  function rgba(text) { return text.match(/[\\d.]+/g).map(Number); }
  function behind(element) {
    for (; element; element = element.parentElement) {
      const colour = rgba(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  }
  function luminance(colour) {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  const picture = getComputedStyle(document.querySelector(".bd-article img"));
  const found = {
    theme: document.documentElement.dataset.theme,
    picture: [picture.filter, luminance(rgba(picture.backgroundColor))],
  };
  for (const name of NAMES) {
    const element = document.querySelector(name);
    if (!element) { found[name] = null; continue; }
    const pair = [luminance(rgba(getComputedStyle(element).color)), luminance(behind(element))];
    found[name] = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  }
  return found;
"""
READ = ["figcaption", "table caption", ".unnumbered-caption", ".tab-published", ".tab-run"]
READ += [".run-line", ".bd-article a.reference", "table.sortable th button", "table.sortable td"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site of the small book, built strictly."""
    root = write_book(tmp_path_factory.mktemp("book"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DERMBOOK_ROOT", str(root))
        return build_site("quick").parent


@pytest.fixture(scope="module")
def page(site) -> Path:
    return site / f"{CHAPTER}.html"


def test_the_network_log_would_show_a_request(tmp_path):
    """Without this, a browser that logs nothing would prove every page offline."""
    page = tmp_path / "page.html"
    page.write_text(
        '<img alt="" src="http://picture.example.org/a.png">'
        '<script>fetch("https://script.example.org/x.json").catch(() => 0)</script>'
    )
    assert chromium.requests_of(page, tmp_path / "log.json") == [
        "http://picture.example.org/a.png",
        "https://script.example.org/x.json",
    ]


def test_no_page_asks_for_anything_from_the_network(site, tmp_path):
    assert external_loads(site) == []
    pages = [f"{CHAPTER}.html", "search.html"]
    asked = {page: chromium.requests_of(site / page, tmp_path / "log.json") for page in pages}
    assert asked == {page: [] for page in pages}


def test_mathematics_is_set_without_the_network(page):
    counts = chromium.evaluate(page, "return document.querySelectorAll('mjx-container').length")
    assert counts == 2


def test_figures_and_tables_are_numbered_captioned_and_described(page):
    seen = chromium.evaluate(
        page,
        """
        const text = (element) => element.textContent.replace("#", "").trim();
        const pictures = document.querySelectorAll(".bd-article img");
        return {
          figures: Array.from(document.querySelectorAll("figcaption"), text),
          tables: Array.from(document.querySelectorAll("table caption"), text),
          others: Array.from(document.querySelectorAll(".unnumbered-caption"), text),
          references: Array.from(document.querySelectorAll("a.reference .std-numref"), text),
          alts: Array.from(pictures, (img) => img.alt),
          drawn: Array.from(pictures, (img) => img.naturalWidth),
        };""",
    )
    assert seen["figures"] == ["Figure 1 Loss by epoch. The tab “This run” shows phantom data."]
    assert [caption[:7] for caption in seen["tables"]] == ["Table 1", "Table 2", "Table 3"]
    # the second tab repeats the caption without a number
    assert [caption[:6] for caption in seen["others"]] == ["Loss b", "Scores"]
    assert seen["references"] == ["Figure 1", "Table 1"]
    assert set(seen["alts"]) == {"Two falling lines: training and validation loss by epoch."}
    assert len(seen["alts"]) == 2
    assert all(width > 0 for width in seen["drawn"])


def test_a_head_sorts_by_value_with_the_missing_last(page):
    order = """
      const table = document.querySelector("#demonstration-scores");
      const heads = table.tHead.rows[0].cells;
      const models = () => Array.from(table.tBodies[0].rows, (row) => row.cells[0].textContent);
      const seen = [];
      for (const [column, times] of [[1, 1], [1, 1], [2, 1], [0, 1]]) {
        heads[column].querySelector("button").click();
        seen.push([heads[column].getAttribute("aria-sort"), models()]);
      }
      seen.push(Array.from(heads, (head) => head.getAttribute("aria-sort")));
      return seen;"""
    scores, scores_down, weights, names, states = chromium.evaluate(page, order)
    assert scores == ["ascending", ["chance", "one-conv", "r2-cnn", "wide & <deep>"]]
    assert scores_down == ["descending", ["r2-cnn", "one-conv", "chance", "wide & <deep>"]]
    # by value: as text, 1,234 would stand before 12 and 27,320,754 before 900
    assert weights == ["ascending", ["chance", "wide & <deep>", "one-conv", "r2-cnn"]]
    assert names == ["ascending", ["chance", "one-conv", "r2-cnn", "wide & <deep>"]]
    assert states == ["ascending", None, None]


def test_rows_of_the_inventory_sort_by_report_and_number(site):
    rows = chromium.evaluate(
        site / "book" / "ledger.html",
        """
        const table = document.querySelector("table.sortable");
        table.tHead.rows[0].cells[0].querySelector("button").click();
        return Array.from(table.tBodies[0].rows, (row) => row.cells[0].textContent.trim());""",
    )
    assert {"0.9", "0.10", "1.1"} <= set(rows)
    # as decimal numbers, 0.10 would stand before 0.2
    assert rows == sorted(rows, key=lambda row: [int(part) for part in row.split(".")])


def test_a_table_is_filtered_and_taken_along(page):
    shown, everything, csv = chromium.evaluate(
        page,
        """
        const table = document.querySelector("#demonstration-scores");
        const tools = document.querySelector(".table-tools");
        const input = tools.querySelector("input");
        const visible = () => Array.from(table.tBodies[0].rows).filter((row) => !row.hidden).length;
        function type(text) { input.value = text; input.dispatchEvent(new Event("input")); }
        type("CNN");
        const shown = visible();
        type("");
        const link = tools.querySelector("a");
        return [shown, visible(), decodeURIComponent(link.href.split(",").slice(1).join(","))];""",
    )
    assert (shown, everything) == (1, 4)
    lines = csv.strip().split("\r\n")
    assert lines[0] == '"model","balanced accuracy","weights"'
    assert '"r2-cnn",".712 (.690–.740)","27,320,754"' in lines
    assert len(lines) == 5


@pytest.mark.parametrize("name", [CHAPTER, "book/ledger"])
def test_no_page_is_wider_than_a_phone(site, name):
    content, window = chromium.evaluate(
        site / f"{name}.html",
        "return [document.documentElement.scrollWidth, innerWidth]",
        width=PHONE,
    )
    assert window == PHONE
    assert content <= window


def test_a_wide_table_scrolls_in_its_own_frame(page):
    inner, outer = chromium.evaluate(
        page,
        """
        const frame = document.querySelector("#demonstration-wide").parentElement;
        return [frame.scrollWidth, frame.clientWidth];""",
        width=PHONE,
    )
    assert inner > outer


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_can_be_read_and_pictures_keep_their_colours(page, theme):
    names = "const NAMES = " + repr(READ) + ";"
    found = chromium.evaluate(page, names + CONTRASTS, theme=theme)
    assert found.pop("theme") == theme
    effect, card = found.pop("picture")
    assert effect == "none"
    # a light card in both themes
    assert card > 0.9
    assert {name: ratio for name, ratio in found.items() if (ratio or 0) < CONTRAST} == {}
