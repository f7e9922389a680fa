"""A log line of progress says how far, how fast, and for slow work how long each unit takes."""

import pytest

from t2c.flows.cli import bars
from t2c.flows.cli.bars import Bars


@pytest.mark.parametrize(
    ("units", "seconds", "rate"),
    [(5000, 10.0, "500 images/s"), (20, 10.0, "0.5 s each"), (2, 9.4, "4.7 s each"), (1, 42.0, "42 s each")],
)
def test_a_line_names_the_rate_a_person_would_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], units: int, seconds: float, rate: str
) -> None:
    now = [100.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    shown = Bars()
    shown.start("extract", 9000, "images")
    now[0] += seconds
    shown.advance(units)
    assert capsys.readouterr().err == f"extract: {units:,} of 9,000 images  {rate}\n"


def test_nothing_done_has_no_rate_and_quiet_says_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    for quiet in (False, True):
        shown = Bars(quiet=quiet)
        shown.start("scan", None, "files")
        now[0] += 6
        shown.note(corrupt=3)
        shown.done()
    assert capsys.readouterr().err == "scan: 0 files  corrupt 3\n" * 2
