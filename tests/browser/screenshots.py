"""Pictures of built pages, to be looked at: light, dark, and phone width.

    python tests/browser/screenshots.py _build/quick/site OUT [PAGE …]

Every HTML page of the site unless some are named (``notebooks/03_exploration``).
"""

import sys
from pathlib import Path

from chromium import find_chromium, screenshot

_LOOKS = {
    "light": {"width": 1280, "height": 2600, "theme": "light"},
    "dark": {"width": 1280, "height": 2600, "theme": "dark"},
    # a headless window is never narrower than 500 pixels, but it lays out and draws this width
    "phone": {"width": 390, "height": 2600, "theme": "light"},
}


def main(site: Path, out: Path, names: list[str]) -> None:
    """Write ``OUT/PAGE-LOOK.png`` for each page and look."""
    if find_chromium() is None:
        sys.exit("There is no Chromium or Chrome here: install one, or name it in CHROMIUM.")
    pages = [site / f"{name}.html" for name in names]
    pages = pages or [*site.glob("book/**/*.html"), *site.glob("notebooks/*.html")]
    if missing := [str(page) for page in pages if not page.is_file()]:
        sys.exit(f"No such page: {', '.join(missing)}. Build the site first: make book")
    out.mkdir(parents=True, exist_ok=True)
    for page in pages:
        for look, options in _LOOKS.items():
            name = page.relative_to(site).with_suffix("").as_posix().replace("/", "-")
            print(screenshot(page, out / f"{name}-{look}.png", **options))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
