"""A headless Chromium with the network off: what it asked for, what a page says, how it looks."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    *("--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # every name fails to resolve: a page that needs the network is seen to fail
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000"),
)
_LIMIT_S = 90
RESULT = "dermbook-check"


def find_chromium() -> str | None:
    """The first Chromium or Chrome here (``CHROMIUM`` may name one), or None."""
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else _NAMES
    return next((found for name in names if (found := shutil.which(name))), None)


def screenshot(page: Path, target: Path, *, width: int, height: int, theme: str = "light") -> Path:
    """A PNG of the page in a theme, ``light`` or ``dark``, ``width`` × ``height`` CSS pixels."""
    with _beside(page, _in_theme(page, theme)) as copy:
        _run(copy.as_uri(), [f"--screenshot={target}", f"--window-size={width},{height}"])
    return target


def requests_of(page: Path | str, log: Path) -> list[str]:
    """Every address on the network that the page, or a script in it, asked for.

    ``log`` is where Chromium's network log goes (JSON). Chromium also calls home on its own, and
    no flag stops all of it; those requests have no origin as their initiator and do not count.
    """
    _run(_address(page), [f"--log-net-log={log}", "--dump-dom"])
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event["params"] for event in events if "url" in event.get("params", {})]
    return sorted(
        {
            params["url"]
            for params in asked
            if re.match(r"(https?|wss?)://", params["url"])
            and params.get("initiator", "not an origin") != "not an origin"
        }
    )


def evaluate(
    page: Path, script: str, *, width: int = 1280, height: int = 900, theme: str = "light"
) -> object:
    """Run ``script`` (the body of a function that returns something JSON can hold) in the page.

    The page is copied with the script at its end, so relative addresses keep working. The frame
    gives the page its exact width: a headless window is never narrower than 500 pixels.
    """
    call = f"""
      <script>window.addEventListener("load", () => setTimeout(() => {{
        let answer;
        try {{ answer = (function () {{ {script} }})(); }} catch (error) {{ answer = {{error: String(error)}}; }}
        parent.postMessage(JSON.stringify(answer), "*");
      }}, 500));</script>"""  # noqa: E501
    holder = f"""<!doctype html><meta charset="utf-8"><pre id="{RESULT}"></pre>
      <script>addEventListener("message", (event) =>
        {{ document.getElementById("{RESULT}").textContent = event.data; }});</script>"""
    with _beside(page, _in_theme(page, theme) + call) as inner:
        frame = f'<iframe src="{inner.name}" width="{width}" height="{height}"></iframe>'
        with _beside(page, holder + frame) as outer:
            dom = _run(outer.as_uri(), ["--dump-dom", "--window-size=1600,1200"])
    found = re.search(rf'<pre id="{RESULT}">(.*?)</pre>', dom, re.DOTALL)
    if not found or not found.group(1):
        raise AssertionError(f"{page.name}: the script gave no answer")
    text = found.group(1)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return json.loads(text)


@contextlib.contextmanager
def _beside(page: Path, text: str):
    """A temporary page in the same folder."""
    handle, name = tempfile.mkstemp(prefix="check-", suffix=".html", dir=page.parent)
    os.close(handle)
    path = Path(name)
    try:
        path.write_text(text, encoding="utf-8")
        yield path
    finally:
        path.unlink()


def _in_theme(page: Path, theme: str) -> str:
    """The page's text, made to choose this theme as a reader's stored choice would, and to hold
    still: colours read in the middle of a transition are those of neither theme."""
    store = f"""<script>["mode", "theme"].forEach((key) => localStorage.setItem(key, "{theme}"))</script>
      <style>*, ::before, ::after {{ transition: none !important; }}</style>"""  # noqa: E501
    text = page.read_text(encoding="utf-8")
    assert "<head>" in text, f"{page}: no head to put the theme in"
    return text.replace("<head>", f"<head>{store}", 1)


def _address(page: Path | str) -> str:
    return page.resolve().as_uri() if isinstance(page, Path) else page


def _run(address: str, options: list[str]) -> str:
    """Chromium's standard output; AssertionError with what it complained of when it fails."""
    browser = find_chromium()
    assert browser, "no Chromium here"
    # as root (containers) its sandbox cannot start; the pages are our own
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [browser, *_FLAGS, *root, f"--user-data-dir={profile}", *options, address],
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
        )
    assert done.returncode == 0, f"{browser} failed:\n{done.stderr[-2000:]}"
    return done.stdout
