"""The laboratory's commands on planted encoders: what a person reads at 80 columns, what a machine gets, what is refused."""

import json

import pytest

from t2c.flows.cli.app import run
from tests.planted.features import Planted
from tests.planted.laboratory import BASE, NAMES, NOISY, TURNED, plant

ENCODERS = [word for name in NAMES for word in ("--encoder", name)]
BOTH = ["--source", BASE.name, "--target", NOISY.name]


@pytest.fixture
def call(planted: Planted, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs a command on the planted store and returns (exit code, what it printed)."""
    plant(planted)

    def called(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run([*arguments, "--store", planted.store.url])
        printed = capsys.readouterr()
        return code, printed.out if code == 0 else printed.err

    return called


def test_pairs_reads_at_80_columns_and_says_what_is_left_out(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, text = call("pairs", "photos", *ENCODERS, "--group", f"kin={BASE.name},{TURNED.name}")
    assert code == 0
    assert max(len(line) for line in text.splitlines() if not line.startswith(("wrote", "next", "  note"))) <= 80
    for part in (
        "mean retained from group (row) to group (column)",
        "mean retained accuracy by source",
        "identity pairs",
    ):
        assert part in text
    assert f"next  t2c curves photos --source {BASE.name}" in text


def test_pairs_for_machines_hold_every_number(call) -> None:
    code, text = call("pairs", "photos", *ENCODERS, "--json")
    said = json.loads(text)
    assert (code, len(said["pairs"]), said["dataset"]) == (0, 12, "photos@1")
    assert {"aligned_low", "procrustes", "r2_uniform", "mean_global"} <= set(said["pairs"][0])


def test_curves_show_mean_and_spread(call) -> None:
    code, text = call("curves", "photos", *BOTH, "--points", "4", "--json")
    points = json.loads(text)["points"]
    assert code == 0
    assert [set(point) for point in points] == [{"fitted", "r2", "r2_sd", "aligned", "aligned_sd", "retained"}] * 4
    assert points[-1]["r2_sd"] == pytest.approx(0)
    assert points[0]["r2_sd"] > 0
    code, text = call("curves", "photos", *BOTH, "--by", "classes")
    assert "by classes: mean over seeds, spread (sd)" in text


def test_components_stand_beside_a_random_matrix(call) -> None:
    code, text = call("components", "photos", *ENCODERS[:4], "--components", "8", "--band", "0")
    assert code == 0
    assert "share of a row within 0 of the diagonal" in text
    assert "random" in text


def test_answers_are_views_for_sql(call) -> None:
    for command in (["pairs", "photos", *ENCODERS], ["curves", "photos", *BOTH], ["components", "photos", *ENCODERS]):
        assert call(*command)[0] == 0
    said = json.loads(call("sql", "select source, target, retained from pairs order by retained desc", "--json")[1])
    assert len(said["rows"]) == 12
    said = json.loads(
        call("sql", "select point, avg(aligned) a from curves group by point order by point", "--json")[1]
    )
    assert said["rows"][-1]["a"] > 0.8
    query = "select sum(weight * weight) w from components group by source, target, i"
    assert all(row["w"] == pytest.approx(1) for row in json.loads(call("sql", query, "--json")[1])["rows"])


def test_bad_options_say_what_to_type(call) -> None:
    code, text = call("pairs", "photos", *ENCODERS, "--group", "kin")
    assert (code, text.strip()) == (
        2,
        "t2c: --group: expected NAME=ENCODER,ENCODER, each name once, but got 'kin'. "
        "Try: --group resnets=timm:resnet18,timm:resnet50",
    )
    code, text = call("pairs", "photos", *ENCODERS[:2])
    assert "encoders: expected two or more, but got 1. Name another: --encoder ENCODER" in text
    code, text = call("curves", "photos", "--source", "timm:bass", "--target", NOISY.name)
    assert "Did you mean 'timm:base'" in text
    code, text = call("curves", "photos", *BOTH, "--seed", "-1")
    assert code == 2
    assert "--seed" in text
    assert "-1 is not in the range x>=0" in text
    code, text = call("pairs", "photos", *ENCODERS, "--head", f"{BASE.name}=probe", "--head", f"{BASE.name}=none")
    assert (code, text.strip()) == (2, "t2c: --head of timm:base: expected one head, but got probe and none")
