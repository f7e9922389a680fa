"""The demo's text fits the page, names what did not come out, and lets a reader see why."""

from pathlib import Path

from t2c.flows.demo import show
from t2c.flows.demo.checks import Check
from t2c.flows.demo.plan import FULL


def test_the_opening_says_what_is_planted_and_what_will_be_asked():
    text = "\n".join(show.opening(FULL))
    assert "indoors x3, on grass x0.3, red x3" in text
    assert "frozen" in text
    assert max(map(len, text.splitlines())) <= show.COLUMNS


def test_a_check_that_does_not_hold_is_named_with_its_numbers():
    every = [Check("held-out R2 is above 0.6", True, "0.81"), Check("red has risen", False, "q 2e-01")]
    assert list(show.verdict(every))[1:] == ["  1 of 2 checks hold.", "  FAILED  red has risen: q 2e-01"]


def test_long_lines_are_cut_to_the_page():
    assert show.clip("x" * 80) == "x" * 80
    assert show.clip("x" * 81) == "x" * 77 + "..."


def test_paths_below_here_are_shown_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert show.short(tmp_path / "demo-out") == "demo-out"
    assert show.short(Path("/elsewhere/demo-out")) == "/elsewhere/demo-out"
