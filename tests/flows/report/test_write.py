"""The report step: asks once, shows what the other steps answer, checks what it reads, and writes a whole file or none."""

import html
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from t2c.flows.cli.app import run
from t2c.flows.maps.align import align
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.flows.zeroshot.zeroshot import zeroshot
from t2c.schemas.errors import CorruptError, LogicError, MismatchError, SpecError, UnknownName
from t2c.schemas.specs.shift import Judging
from t2c.store.artifacts.images import open_images
from tests.planted.features import SOURCE, TARGET, Planted


@pytest.fixture
def audited(planted: Planted, tmp_path: Path) -> Planted:
    """photos and new_photos, aligned and scored; the pictures of photos can be shown, those of new_photos have gone."""
    for shade in range(3):
        Image.new("RGB", (60, 40), (80 * shade, 0, 90)).save(tmp_path / f"{shade}.png")
    places = [str(tmp_path / f"{row % 3}.png") for row in range(200)]
    planted.dataset("photos", 200, uri=places, label=["cat" if row % 2 else "<i>dog</i>" for row in range(200)])
    planted.images("new_photos", 120)
    planted.both("new_photos", planted.x(120, seed=5) + 1.5, seed=5)
    planted.bank()
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    for name in ("photos", "new_photos"):
        score(planted.store, name, source=SOURCE.name, bank="everyday")
    return planted


def test_two_datasets_are_compared_as_shift_compares_them(audited: Planted, tmp_path: Path) -> None:
    made = report(audited.store, "photos", "new_photos", output=tmp_path / "r.html", queries=["red > 0 & blue < 1"])
    text = Path(made.path).read_text()
    compared = shift(audited.store, "photos", "new_photos")
    assert (made.verdict, made.drift, made.concepts) == (compared.verdict.word, compared.drift, 3)
    assert made.verdict == "changed"
    assert made.bytes == len(text.encode())
    assert f"<h1>Changed: {compared.verdict.why}.</h1>" in text
    assert compared.standing.quality in text
    assert "trust: not measured: t2c trust photos" in text
    assert text.count('class="step"') == 2 * 3
    assert "no preview of" in text
    assert text.count("data:image/webp") == 3 * 2 * 8 + 12
    assert "t2c report photos@1 new_photos@1 --query" in text
    for key in ("inputs", "aligner", "shift", "distributions", "logic", "zeroshot", "images", "lineage"):
        assert f'<section id="{key}"' in text


def test_every_artifact_read_is_named_and_checked(audited: Planted, tmp_path: Path) -> None:
    made = report(audited.store, "photos", "new_photos", output=tmp_path / "r.html")
    text = Path(made.path).read_text()
    assert made.checked == 5
    assert text.count('class="ok">✓') == 5
    for name in ("photos", "new_photos"):
        assert open_images(audited.store, name).manifest.content_digest in text


def test_one_dataset_is_described(audited: Planted, tmp_path: Path) -> None:
    made = report(audited.store, "photos", output=tmp_path / "r.html")
    text = Path(made.path).read_text()
    assert (made.verdict, made.drift) == ("", False)
    assert "3 concepts describe the 200 readable images of <bdi>photos</bdi>@1; nothing was compared." in text
    assert "Name a second side: t2c report photos OTHER" in text
    assert "<i>dog" not in text


def test_slices_of_one_dataset_are_compared_over_the_rows_that_were_compared(audited: Planted, tmp_path: Path) -> None:
    made = report(audited.store, "photos", where="row < 50", output=tmp_path / "r.html", queries=["red > 0"])
    text = Path(made.path).read_text()
    assert "150 : 50" in text
    assert "<bdi>the rest of photos@1</bdi>" in text
    assert text.count('<div class="card">\n<h3><bdi>photos</bdi>@1') == 1


def test_the_targets_own_features_need_no_aligner(audited: Planted, tmp_path: Path) -> None:
    score(audited.store, "photos", source=TARGET.name, bank="everyday")
    made = report(audited.store, "photos", source=TARGET.name, output=tmp_path / "r.html")
    assert "Nothing was fitted, so there is nothing to certify." in Path(made.path).read_text()


def test_zero_shot_tasks_come_from_the_store_with_the_same_numbers(audited: Planted, tmp_path: Path) -> None:
    names = {"cat": "red", "<i>dog</i>": "blue"}
    done = zeroshot(audited.store, "photos", bank="everyday", classes=["red", "blue"], mapping=names, name="animals")
    stored = Path(report(audited.store, "photos", output=tmp_path / "a.html").path).read_text()
    given = Path(report(audited.store, "photos", output=tmp_path / "b.html", zeroshot=[done]).path).read_text()
    for one in done.scores:
        shown = f'<b>{100 * one.accuracy:.1f}\N{NO-BREAK SPACE}%</b></td><td class="n">{100 * one.low:.1f}'
        assert shown in stored
        assert shown in given
    assert stored.count('class="class"') - given.count('class="class"') == 0
    assert "<h3><bdi>animals</bdi>" in given
    assert "<h3><bdi>label</bdi>" in stored


def test_a_damaged_file_is_refused_and_the_old_report_stays(audited: Planted, tmp_path: Path) -> None:
    output = tmp_path / "r.html"
    output.write_text("the old one")
    entry = open_images(audited.store, "new_photos").manifest.files[0]
    path = Path(audited.store.files.local_path(entry.path) or "")
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptError, match="Run: t2c verify"):
        report(audited.store, "photos", "new_photos", output=output)
    assert output.read_text() == "the old one"
    assert [file.name for file in tmp_path.glob("*.html")] == ["r.html"]


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"current": "nothing"}, UnknownName, "nothing"),
    ({"queries": ["red >"]}, LogicError, "red >"),
    ({"queries": ["purple > 1"]}, UnknownName, "purple"),
    ({"where": "no_such = 1"}, SpecError, "no_such"),
    ({"output": "/no/such/folder/r.html"}, SpecError, "a folder that exists"),
    ({"bank": "other"}, UnknownName, "other"),
]


def test_what_cannot_be_reported_is_refused_and_nothing_is_written(audited: Planted, tmp_path: Path) -> None:
    for options, error, message in REFUSED:
        with pytest.raises(error, match=message):
            report(audited.store, "photos", **({"output": tmp_path / "r.html"} | options))
        assert not (tmp_path / "r.html").exists()


def test_sides_without_a_common_map_are_refused(planted: Planted, tmp_path: Path) -> None:
    planted.dataset("photos", 100)
    planted.dataset("others", 100, seed=3)
    planted.bank()
    score(planted.store, "photos", source=TARGET.name, bank="everyday")
    planted.bank("second")
    score(planted.store, "others", source=TARGET.name, bank="second")
    with pytest.raises(MismatchError, match="t2c score others"):
        report(planted.store, "photos", "others", output=tmp_path / "r.html")


def test_a_title_and_commands_of_ones_own_are_shown(audited: Planted, tmp_path: Path) -> None:
    options = {"title": "November", "commands": ["t2c audit audit.yaml"]}
    text = Path(report(audited.store, "photos", output=tmp_path / "r.html", **options).path).read_text()
    assert "<title>November</title>" in text
    assert text.index("t2c audit audit.yaml") < text.index("t2c report photos@1")


def test_the_printed_command_makes_the_page_again_though_another_map_was_scored(
    audited: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "output": tmp_path / "r.html",
        "queries": ["red > 0"],
        "title": "Again",
        "judging": Judging(beyond="blocks"),
    }
    first = Path(report(audited.store, "photos", "new_photos", **options).path).read_text()
    (command,) = re.findall(r"^(?:<pre[^>]*><code>)?(t2c report .*)$", first, re.MULTILINE)
    align(audited.store, "photos", source=SOURCE.name, target=TARGET.name, ridge=1e4, seed=7)
    for dataset in ("photos", "new_photos"):
        score(audited.store, dataset, source=SOURCE.name, bank="everyday")
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(html.unescape(command))[1:]) == 0
    assert without_time(Path("r.html").read_text()) == without_time(first)


def without_time(page: str) -> str:
    """A page without the time it was made, and without the commands as they were typed."""
    return re.sub(r"<time[^>]*>.*?</time>|<h3>[^<]*again[^<]*</h3>\n<pre.*?</pre>", "", page, flags=re.DOTALL)


def test_progress_counts_every_part(audited: Planted, tmp_path: Path) -> None:
    class Watcher:
        total, seen, ended = 0, 0, 0

        def start(self, name: str, total: int | None, unit: str) -> None:
            self.total = total or 0

        def advance(self, n: int) -> None:
            self.seen += n

        def note(self, **counts: int | float | str) -> None: ...

        def done(self) -> None:
            self.ended += 1

    watcher = Watcher()
    report(audited.store, "photos", output=tmp_path / "r.html", queries=["red > 0"], progress=watcher)
    assert (watcher.seen, watcher.ended) == (watcher.total, 1)
    assert np.isfinite(watcher.total)
