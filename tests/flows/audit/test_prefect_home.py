"""Prefect's settings: a home of our own, what the user has set stays, and no home folder is no obstacle."""

import os
from pathlib import Path

import pytest

from t2c.flows.audit.prefect_run import SETTINGS, own_home, prepare


def test_defaults_are_set_and_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*SETTINGS, "PREFECT_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    prepare()
    assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert int(os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"]) > 20
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "t2c" / "prefect")


def test_without_a_home_that_can_be_written_a_temporary_folder_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    home = own_home()
    assert home.is_dir()
    assert home.name.startswith("t2c-prefect-")
    home.rmdir()
