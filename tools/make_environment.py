"""Make ``.venv`` and install the locked packages and the book's own package into it.

Called by the Makefile with the system's Python, so it uses the standard library only and its
syntax must parse on old Pythons: the first thing it does is to say, in one line, if this Python
cannot do. A second run with nothing changed is not made (the Makefile keeps a stamp); a run that
was killed starts over.
"""

import os
import shutil
import subprocess
import sys
import tempfile

OLDEST, NEWEST = (3, 11), (3, 13)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
IN_VENV = os.path.join(VENV, "bin", "python")


def main():
    check_python()
    make_venv()
    if not install_with_uv():
        print("uv is not available here; installing with pip (slower).")
        run([IN_VENV, "-m", "pip", "install", "-q", "--require-hashes", "-r", LOCK])
    install_book()
    return 0


def check_python():
    """Exit with one line and the remedy if this Python is unsupported or has no ``venv``."""
    here = sys.version_info[:2]
    if not OLDEST <= here <= NEWEST:
        sys.exit(
            "Dermbook needs Python %d.%d to %d.%d and %s is %d.%d. Install one of those and run: "
            "make PYTHON=python3.12 ..." % (OLDEST + NEWEST + (sys.executable,) + here)
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit(
            "This Python has no venv module. On Debian or Ubuntu: sudo apt install "
            "python%d.%d-venv; then run make again." % here
        )


def make_venv():
    """A fresh .venv, unless there is a usable one of this Python version."""
    if os.path.exists(IN_VENV):
        ask = "import sys; print('%d.%d' % sys.version_info[:2])"
        found = subprocess.run([IN_VENV, "-c", ask], capture_output=True, text=True)
        if found.stdout.strip() == "%d.%d" % sys.version_info[:2]:
            return
    shutil.rmtree(VENV, ignore_errors=True)
    print("Making .venv with Python %d.%d.%d" % sys.version_info[:3])
    run([sys.executable, "-m", "venv", VENV])


def install_with_uv():
    """Install the lock with uv, itself installed by pip from its own pinned lines of the lock.

    uv does in seconds what takes pip over a minute; False when it cannot be had or fails, for
    example behind a mirror that only pip is configured for.
    """
    pinned = lines_of("uv")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=VENV) as requirement:
        requirement.write("".join(pinned))
        requirement.flush()
        pip = [IN_VENV, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        if subprocess.run(pip + ["--require-hashes", "-r", requirement.name]).returncode:
            return False
    environment = dict(os.environ, VIRTUAL_ENV=VENV)
    if "PIP_INDEX_URL" in os.environ:
        environment.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    uv = [os.path.join(VENV, "bin", "uv"), "pip", "install", "--require-hashes", "-r", LOCK]
    print("Installing the packages of requirements.lock")
    uv += ["--python", IN_VENV, "--quiet"]
    return subprocess.run(uv, env=environment).returncode == 0


def install_book():
    """The package itself, editable, built by the setuptools of the lock: nothing is fetched."""
    pip = [IN_VENV, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index"]
    run(pip + ["--no-deps", "--no-build-isolation", "-e", ROOT])


def lines_of(package):
    """The lines of the lock that pin one package with its hashes."""
    with open(LOCK) as stream:
        lines = stream.readlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(package + "=="))
    end = next(
        (i for i in range(start + 1, len(lines)) if not lines[i].startswith(" ")), len(lines)
    )
    return lines[start:end]


def run(command):
    """Run a command; end this script with its exit code if it fails."""
    code = subprocess.run(command).returncode
    if code:
        sys.exit(code)


if __name__ == "__main__":
    sys.exit(main())
