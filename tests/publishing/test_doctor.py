import pytest
from fake_book import make_book

from dermbook.publishing import doctor


@pytest.fixture
def book(tmp_path, monkeypatch):
    root = make_book(tmp_path / "book")
    monkeypatch.setenv("DERMBOOK_ROOT", str(root))
    return root


def states(checks):
    return [check.state for check in checks]


def test_python_and_disk_have_their_limits():
    assert states(doctor.check_python((3, 10))) == ["fail"]
    assert states(doctor.check_python((3, 11))) == ["ok"]
    assert states(doctor.check_python((3, 14))) == ["fail"]
    assert states(doctor.check_disk(1.0)) == ["fail"]
    assert states(doctor.check_disk(5.0)) == ["warn"]
    assert states(doctor.check_disk(50.0)) == ["ok"]


def test_only_pins_that_hold_on_this_machine_are_read():
    text = (
        "# comment with pip==1\n"
        "numpy==2.4.1 \\\n    --hash=sha256:abc==\n"
        "colorama==0.4.6 ; sys_platform == 'no-such-platform' \\\n    --hash=sha256:def\n"
        "rich==15.0.0 ; python_version >= '3.0'\n"
    )
    assert doctor.locked_versions(text) == {"numpy": "2.4.1", "rich": "15.0.0"}


def test_versions_that_differ_from_the_lock_are_named(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("typer==0.0.1\n")
    (check,) = doctor.check_packages(lock)
    assert check.state == "warn"
    assert "typer" in check.found
    assert "(locked: 0.0.1)" in check.found
    assert "requirements.lock" in check.remedy
    lock.write_text("")
    assert states(doctor.check_packages(lock)) == ["ok"]


def test_a_missing_requirement_of_the_book_itself_is_a_failure(tmp_path, monkeypatch):
    lock = tmp_path / "requirements.lock"
    lock.write_text("no-such-package==1\n")
    assert states(doctor.check_packages(lock)) == ["warn"]
    monkeypatch.setattr(doctor, "_own_requirements", lambda: {"no-such-package"})
    (check,) = doctor.check_packages(lock)
    assert (check.state, check.found) == ("fail", "not installed: no-such-package")


def test_a_backend_that_crashes_or_hangs_is_reported_with_its_name(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "abacus")
    monkeypatch.setattr(doctor, "_PROBE", "raise ImportError('no abacus here')")
    (check,) = doctor.check_backend()
    assert check.state == "fail"
    assert "KERAS_BACKEND=abacus does not start: ImportError: no abacus here" in check.found
    monkeypatch.setattr(doctor, "_PROBE", "import time; time.sleep(30)")
    (check,) = doctor.check_backend(timeout=0.2)
    assert check.state == "fail"
    found = '{"keras": "3", "backend": "jax", "version": "1", "devices": ["H200"]}'
    monkeypatch.setattr(doctor, "_PROBE", f"print('noise'); print('FOUND ' + {found!r})")
    backend, accelerator = doctor.check_backend()
    assert (backend.state, backend.found) == ("ok", "Keras 3 on jax 1")
    assert (accelerator.state, accelerator.found) == ("ok", "H200")


def test_weights_and_folders(book, monkeypatch, tmp_path):
    monkeypatch.delenv("DERMBOOK_WEIGHTS", raising=False)
    assert states(doctor.check_weights()) == ["warn"]
    monkeypatch.setenv("DERMBOOK_WEIGHTS", str(tmp_path / "weights"))
    assert states(doctor.check_weights()) == ["warn"]
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "vgg16.h5").touch()
    assert states(doctor.check_weights()) == ["ok"]
    assert states(doctor.check_writing()) == ["ok", "ok"]
    (tmp_path / "file").touch()
    monkeypatch.setenv("DERMBOOK_DATA", str(tmp_path / "file" / "data"))
    build, data = doctor.check_writing()
    assert (build.state, data.state) == ("ok", "fail")
    assert "DERMBOOK_DATA" in data.remedy


def test_a_check_that_breaks_does_not_stop_the_others(monkeypatch):
    def broken():
        raise RuntimeError("ill")

    fine = [doctor.Check("Fine", "ok", "")]
    monkeypatch.setattr(doctor, "_CHECKS", {"Broken": broken, "Fine": lambda: fine})
    first, second = doctor.examine()
    assert (first.name, first.state) == ("Broken", "fail")
    assert "RuntimeError: ill" in first.found
    assert second.state == "ok"
