"""The commands of the README, in order, on drawn pictures and real encoders: each prints, writes and exits as promised."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from t2c.flows.cli.app import run
from t2c.flows.world.world import write_images

SOURCE, TARGET = "demo:efficientnet-lite0-128", "demo:clip"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two sets of drawn images, one broken file, and a store that holds them scored."""
    place = tmp_path_factory.mktemp("commands")
    write_images(place / "photos", 120, 1, size=96)
    write_images(place / "new", 60, 2, size=96, mix={"context": {"indoors": 30.0}})
    (place / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing follows")
    (place / "concepts.yaml").write_text(
        "concepts: [red, star, striped]\ncontexts: {phrases: [indoors, on grass], classes: [object]}\n"
    )
    store = ["--store", str(place / "store")]
    for name in ("photos", "new"):
        assert run(["index", str(place / name), "--name", name, *store]) == 0
        assert run(["extract", name, "--encoder", SOURCE, "--encoder", TARGET, *store]) == 0
    assert run(["align", "photos", "--source", SOURCE, "--target", TARGET, *store]) == 0
    assert run(["concepts", "add", "everyday", str(place / "concepts.yaml"), "--encoder", TARGET, *store]) == 0
    for name in ("photos", "new"):
        assert run(["score", name, "--source", SOURCE, "--concepts", "everyday", *store]) == 0
    return place


@pytest.fixture
def t2c(folder: Path, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs a command with --json on the store and returns (exit code, what it printed)."""

    def call(*arguments: str) -> tuple[int, dict]:
        capsys.readouterr()
        code = run([*arguments, "--json", "--store", str(folder / "store")])
        printed = capsys.readouterr()
        return code, json.loads(printed.out or printed.err.splitlines()[-1])

    return call


def test_every_input_is_accounted_for(t2c, folder: Path) -> None:
    code, said = t2c("index", str(folder / "photos"), "--name", "photos")
    assert code == 0
    assert said["report"]["inputs"] == 121
    assert said["report"]["ok"] == 120
    assert said["changes"] == {"new": 0, "changed": 0, "unchanged": 121, "deleted": 0}
    assert said["problems"][0]["image_id"] == "broken.jpg"


def test_running_a_step_again_does_nothing(t2c) -> None:
    assert t2c("extract", "photos")[1]["report"]["chunks written"] == 0
    code, said = t2c("score", "photos", "--source", SOURCE, "--concepts", "everyday")
    assert code == 0
    assert said["report"]["new rows"] == said["report"]["new concepts"] == 0


def test_summary_top_and_find_agree(t2c) -> None:
    stats = {row["concept"]: row for row in t2c("summary", "photos")[1]["concepts"]}
    assert set(stats) == {"red", "star", "striped", "indoors", "on grass"}
    best = t2c("top", "photos", "indoors", "-n", "1")[1]["images"][0]
    found = t2c("find", "photos", "indoors > 1")[1]
    threshold = stats["indoors"]["mean"] + stats["indoors"]["std"]
    assert best["similarity"] == pytest.approx(stats["indoors"]["max"])
    assert found["thresholds"][0]["threshold"] == pytest.approx(threshold)
    assert 0 < found["counts"]["matches"] < found["counts"]["searched"] == 120
    assert best["row"] in {match["row"] for match in found["matches"]}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_find_writes_every_match_and_shows_some(t2c, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"out.{ending}"
    said = t2c("find", "photos", "indoors > -9", "-n", "3", "-o", str(file))[1]
    assert (said["counts"]["matches"], len(said["matches"])) == (120, 3)
    written = csv.read_csv(file) if ending == "csv" else parquet.read_table(file)
    assert written["rank"].to_pylist() == list(range(1, 121))
    assert t2c("find", "photos", "indoors > -9", "-n", "3")[1]["matches"] == said["matches"]


def test_shift_finds_what_was_planted_and_can_fail_on_it(t2c) -> None:
    code, said = t2c("shift", "photos", "new", "--fail-on-drift")
    verdicts = {row["concept"]: row["verdict"] for row in said["shift"]}
    assert verdicts["indoors"] == "risen"
    assert verdicts["star"] == "none"
    assert code == 3
    assert t2c("shift", "photos", "new")[0] == 0


def test_a_slice_is_compared_with_the_rest(t2c) -> None:
    code, said = t2c("shift", "photos", "--where", "row % 2 = 0")
    assert code == 0
    assert said["sides"]["current"].endswith("(60 images)")


def test_zero_shot_stands_beside_the_target_and_chance(t2c) -> None:
    arguments = ["--classes", "star,square,circle", "--template", "a diagram of the shape {}"]
    code, said = t2c("zeroshot", "photos", *arguments)
    assert code == 0
    assert said["accuracy"][-1]["who"] == "chance"


def test_sql_reads_and_only_reads(t2c, folder: Path) -> None:
    said = t2c("sql", "select count(*) as n from images where outcome = 'ok' and dataset = 'photos'")[1]
    assert said["rows"] == [{"n": 120}]
    code, said = t2c("sql", f"copy (select 1) to '{folder}/stolen.csv'")
    assert code == 2
    assert "SELECT" in said["error"]["message"]
    assert not (folder / "stolen.csv").exists()


def test_the_joined_read_is_a_table(t2c, folder: Path) -> None:
    output = folder / "joined.parquet"
    asked = ["features", "get", "photos@1", "--encoders", f"{SOURCE},{TARGET}", "-o", str(output)]
    code, said = t2c(*asked)
    assert code == 0
    assert said["wrote"] == [str(output)]
    table = parquet.read_table(output)
    assert (table.num_rows, table[SOURCE].null_count, table[TARGET].null_count) == (120, 0, 0)
    assert t2c(*asked, "--missing", "null")[0] == 0
    assert parquet.read_table(output)[TARGET].null_count == 1
    (folder / "ids.txt").write_text("broken.jpg\n")
    code, said = t2c(*asked, "--ids", str(folder / "ids.txt"))
    assert code == 1
    assert "1 of 1 without one: 'broken.jpg'" in said["error"]["message"]


def test_the_report_is_written(t2c, folder: Path) -> None:
    output = folder / "report.html"
    code, said = t2c("report", "photos", "new", "-o", str(output), "--query", "red > 1 & !indoors > 0")
    assert code == 0
    assert said["report"]["bytes"] == output.stat().st_size > 10_000


def test_attributes_and_predictions_join_on_the_image(t2c, folder: Path) -> None:
    ids = [
        row["image_id"] for row in t2c("sql", "select image_id from images where dataset = 'photos' limit 2")[1]["rows"]
    ]
    parquet.write_table(pa.table({"image_id": ids, "shiny": [True, False]}), folder / "attributes.parquet")
    parquet.write_table(
        pa.table({"image_id": ids, "class": ["a", "b"], "score": [0.9, 0.8]}), folder / "predictions.parquet"
    )
    assert t2c("attributes", "import", "photos", str(folder / "attributes.parquet"))[0] == 0
    assert t2c("predictions", "import", "photos", str(folder / "predictions.parquet"), "--model", "prod-v7")[0] == 0
    counted = "select (select count(*) from attributes) a, (select count(*) from predictions where model = 'prod-v7') p"
    assert t2c("sql", counted)[1]["rows"] == [{"a": 2, "p": 2}]


def test_explain_walks_back_to_the_images(t2c) -> None:
    said = t2c("explain", "similarities/photos")[1]
    ancestors = {row["artifact"] for row in said["ancestry"]}
    assert "datasets/photos/images" in ancestors
    assert any(name.startswith("linear_maps/") for name in ancestors)
    assert {row["status"] for row in said["ancestry"]} == {"as read"}


def test_a_flipped_byte_is_found(t2c, folder: Path) -> None:
    assert t2c("verify")[0] == 0
    chunk = next(path for path in (folder / "store" / "features" / "new").rglob("c/0/0"))
    good = chunk.read_bytes()
    chunk.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    code, said = t2c("verify")
    chunk.write_bytes(good)
    assert code == 1
    assert said["problems"][0]["path"].endswith("c/0/0")


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["find", "photos", "dogs > 1"], 1, "t2c concepts add"),
        (["find", "photos", "red >"], 2, "^"),
        (["top", "photoz", "red"], 1, "Did you mean 'photos'?"),
        (["extract", "photos", "--encoder", "timm:resnet5"], 1, "Did you mean"),
        (["extract", "photos", "--encoder", "resnet50"], 2, "timm:MODEL"),
        (["index", "/nowhere", "--name", "x"], 1, "/nowhere"),
        (["index", "/tmp", "--name", "../x"], 2, "plain name"),
        (["explain", "nothing-like-it"], 1, "artifact"),
    ],
)
def test_a_mistake_is_answered_with_what_to_type(t2c, arguments: list[str], code: int, part: str) -> None:
    found, said = t2c(*arguments)
    assert (found, part in said["error"]["message"]) == (code, True), said


def test_care_commands_report(t2c) -> None:
    assert t2c("compact", "photos")[0] == 0
    assert t2c("gc", "--dry-run")[0] == 0
    assert t2c("concepts", "list")[1]["banks"][0]["bank"] == "everyday"
    assert {row["encoder"] for row in t2c("features", "list", "photos")[1]["features"]} == {SOURCE, TARGET}
    assert t2c("doctor", "--no-devices")[0] == 0


def test_the_store_may_be_named_before_or_after_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(folder / "store")
    monkeypatch.setenv("T2C_STORE", "/nowhere")
    assert run(["--store", store, "concepts", "list"]) == 0
    assert run(["--store", "/nowhere", "concepts", "list", "--store", store]) == 0
    assert run(["concepts", "list"]) == 1
    assert "/nowhere" in capsys.readouterr().err
