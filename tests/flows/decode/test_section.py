"""The report shows what was decoded about its own snapshots: words, doubts, pictures of both ends, a shift's own line."""

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.data.index import index
from t2c.flows.decode.decode import decode
from t2c.flows.decode.decoders import DecoderSpec
from t2c.flows.decode.section import CARDS
from t2c.flows.maps.align import align
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.flows.trust.trust import trust
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.answers import answer_table, list_answers, write_answer
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.disk.root import Store
from tests.planted.features import SOURCE, TARGET, Planted
from tests.planted.photos import fill

WORDS = {"vocabulary": "bank:everyday"}


@pytest.fixture
def shown(store: Store, tmp_path: Path) -> Store:
    """photos (60 pictures) and later (40), aligned and scored; colour is known of photos; no answer decoded yet."""
    planted = Planted(store)
    for name, count in (("photos", 60), ("later", 40)):
        index(store, str(fill(tmp_path / name, count)), name)
        planted.both(name, planted.x(count, seed=count) + (count == 40), seed=count)
    planted.bank()
    align(store, "photos", source=SOURCE.name, target=TARGET.name)
    for name in ("photos", "later"):
        score(store, name, source=SOURCE.name, bank="everyday", target=TARGET.name)
    rows = [{"row": row, "name": "colour", "value": ("red", "<b>blue</b>")[row % 2]} for row in range(60)]
    write_attributes(store, "photos", pa.Table.from_pylist(rows, schema=ATTRIBUTES))
    return store


def page(store: Store, folder: Path, *sides: str) -> str:
    made = report(store, *(sides or ("photos",)), source=SOURCE.name, bank="everyday", output=folder / "r.html")
    return Path(made.path).read_text()


def section(text: str) -> str:
    found = re.search(r'<section id="words".*?</section>', text, flags=re.DOTALL)
    return found[0] if found else ""


def test_a_store_without_words_has_no_section(shown: Store, tmp_path: Path) -> None:
    assert section(page(shown, tmp_path)) == ""


def test_words_are_shown_with_pictures_of_the_vector_and_of_the_word(shown: Store, tmp_path: Path) -> None:
    made = decode(shown, "photos", "classes:colour", **WORDS)
    text = section(page(shown, tmp_path))
    assert "Class means: classes:colour" in text
    assert text.count('class="saying"') == 2
    assert text.count("data:image/webp;base64,") == 2 * 2 * 3
    assert "nearest to the vector" in text
    assert f"best word of <b>{made.believed}</b> of 2 vectors" in text
    assert "answers/decoded/" in page(shown, tmp_path)


def test_names_are_data(shown: Store, tmp_path: Path) -> None:
    decode(shown, "photos", "classes:colour", **WORDS)
    text = section(page(shown, tmp_path))
    assert "<b>blue</b>" not in text
    assert "&lt;b&gt;blue&lt;/b&gt;" in text


def test_a_head_tells_what_the_rescaling_changed(shown: Store, tmp_path: Path) -> None:
    decode(shown, "photos", "head:probe:colour", **WORDS)
    text = section(page(shown, tmp_path))
    assert "of 1 class whose name is a word of the list" in text
    assert "Without rescaling the head’s vectors" in text


def test_the_shift_has_its_words_beside_its_table(shown: Store, tmp_path: Path) -> None:
    made = decode(shown, "photos", "shift:later", decoder=DecoderSpec(k=2), **WORDS)
    risen = made.table.to_pylist()[0]["word"]
    both = page(shown, tmp_path, "photos", "later")
    line = re.search(r'<p class="inwords">.*?</p>', both, flags=re.DOTALL)[0]
    assert risen in line
    assert line.index("risen") < line.index("fallen")
    assert '<p class="inwords">' not in page(shown, tmp_path, "later", "photos"), "another comparison"
    assert '<p class="inwords">' not in page(shown, tmp_path), "no comparison at all"


def test_doubts_are_told(shown: Store, tmp_path: Path) -> None:
    decode(shown, "photos", "shift", where="row % 2 = 0", **WORDS)
    text = section(page(shown, tmp_path))
    assert "elow the floor:" in text
    assert "where: " in text


def test_many_vectors_are_listed_and_the_most_telling_get_pictures(shown: Store, tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.random.default_rng(1).normal(size=(30, SOURCE.dimension)).astype(np.float32))
    decode(shown, "photos", f"file:{tmp_path / 'many.npy'}", **WORDS)
    text = section(page(shown, tmp_path))
    assert text.count('class="saying"') == CARDS
    assert "30 vectors with the best word of each" in text
    assert text.count("<tbody>") == CARDS + 1


def test_older_answers_to_the_same_question_and_those_of_other_snapshots_stay_out(shown: Store, tmp_path: Path) -> None:
    decode(shown, "photos", "classes:colour", **WORDS)
    trust(shown, "photos", bank="everyday")
    decode(shown, "photos", "classes:colour", **WORDS)
    assert section(page(shown, tmp_path)).count("Class means") == 1
    (tmp_path / "photos" / "new.jpg").write_bytes((tmp_path / "photos" / "0000.jpg").read_bytes() + b"\0")
    index(shown, str(tmp_path / "photos"), "photos")
    assert section(page(shown, tmp_path)) == ""


def older(store: Store, *, mapped: bool = True, **changed: str) -> None:
    """Put the newest answer in its place as versions that recorded no spaces wrote it, its map known or gone."""
    made = list_answers(store, "decoded")[-1]
    table, kept = answer_table(store, made), [one for one in made.parents if mapped or one.kind != "linear_maps"]
    spec = {name: value for name, value in made.spec.items() if name not in ("kind", "spaces")}
    shutil.rmtree(Path(store.url.removeprefix("file://")) / made.artifact)
    write_answer(store, "decoded", table, spec={**spec, **changed}, parents=kept)


def test_an_answer_that_recorded_no_spaces_is_shown_and_gives_way_to_a_newer_one(shown: Store, tmp_path: Path) -> None:
    made = decode(shown, "photos", "classes:colour", **WORDS)
    older(shown)
    assert f"best word of <b>{made.believed}</b> of 2 vectors" in section(page(shown, tmp_path))
    decode(shown, "photos", "classes:colour", **WORDS)
    assert len(list_answers(shown, "decoded")) == 2
    assert section(page(shown, tmp_path)).count("Class means") == 1


@pytest.mark.parametrize(
    ("mapped", "source", "shows"), [(True, "typed", 1), (False, SOURCE.name, 1), (False, "typed", 0)]
)
def test_it_is_known_by_its_map_or_else_by_its_encoders_names(
    shown: Store, tmp_path: Path, mapped: bool, source: str, shows: int
) -> None:
    decode(shown, "photos", "classes:colour", **WORDS)
    older(shown, mapped=mapped, source=source)
    assert section(page(shown, tmp_path)).count("Class means") == shows
