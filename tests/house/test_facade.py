"""`import t2c`: light, every verb a typed method with the verb's own parameters, and answers that show themselves."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

import t2c
from t2c.flows.cli.commands import COMMANDS
from t2c.flows.data.index import index
from t2c.flows.engine.shown import Shown
from t2c.schemas.errors import StoreError
from t2c.schemas.specs.base import Spec
from t2c.verbs import Store
from tests.docs.test_docs import generator
from tests.planted.audit import write_audit
from tests.planted.photos import fill

VERBS = generator().facade.__globals__["VERBS"]
LIGHT = "import sys, t2c; print([name for name in sys.argv[1:] if name in sys.modules])"
FIND = "import sys, t2c; t2c.open({!r}).find('photos', 'red > 0'); print([name for name in sys.argv[1:] if name in sys.modules])"


def loaded(code: str, *modules: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with two planted datasets, scored."""
    folder = tmp_path_factory.mktemp("facade")
    write_audit(folder)
    store = t2c.open(str(folder / "store"))
    store.align("photos", source="my-model", target="my-clip")
    for name in ("photos", "new_photos"):
        store.score(name, source="my-model", bank="everyday")
    return store.url


def test_importing_it_loads_nothing() -> None:
    assert loaded(LIGHT, "duckdb", "pyarrow", "numpy", "torch", "click", "pydantic") == "[]"


def test_the_first_find_loads_no_torch_and_no_database(url: str) -> None:
    assert loaded(FIND.format(url), "torch", "duckdb", "click", "prefect", "sklearn") == "[]"


def written_out(parameter: inspect.Parameter) -> list[tuple[str, object, object]]:
    """Name, kind and default of a parameter; of a spec those of each of its fields."""
    if not isinstance(parameter.default, Spec):
        return [(parameter.name, parameter.kind, parameter.default)]
    fields = type(parameter.default).model_fields
    return [(name, inspect.Parameter.KEYWORD_ONLY, field.default) for name, field in fields.items()]


@pytest.mark.parametrize("name", VERBS)
def test_a_method_has_the_parameters_of_its_verb(name: str) -> None:
    module, function = VERBS[name].split(":")
    verb = inspect.signature(getattr(importlib.import_module(f"t2c.{module}"), function))
    method = inspect.signature(getattr(Store, name))
    wanted = [entry for parameter in list(verb.parameters.values())[1:] for entry in written_out(parameter)]
    assert [(p.name, p.kind, p.default) for p in list(method.parameters.values())[1:]] == wanted
    assert getattr(Store, name).__doc__


def test_every_command_is_a_method_or_a_family_of_them() -> None:
    families = {"attributes", "predictions", "features", "maps", "concepts", "heads", "cbm", "study"}
    apart = {"encoders", "plan", "run", "audit", "demo", "doctor"}  # of no store, or with a file of their own
    assert set(COMMANDS) - families - apart <= set(VERBS)


def test_a_store_says_where_it_is_and_what_it_holds(url: str) -> None:
    store = t2c.open(url)
    assert repr(store) == f"t2c.open({url!r})"
    assert (store.datasets(), store.banks()) == (["new_photos", "photos"], ["everyday"])


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"expected a folder with t2c-store\.json"):
        t2c.open(str(tmp_path))
    assert t2c.open(str(tmp_path / "new"), create=True).datasets() == []


def test_an_answer_is_text_a_table_and_html(url: str) -> None:
    report = t2c.open(url).shift("photos", "new_photos")
    text = str(report)
    assert max(len(line) for line in text.splitlines() if "/" not in line and "note" not in line) <= 80
    assert "reference       photos" in text
    assert "red" in text
    assert isinstance(report.to_arrow(), pa.Table)
    assert report.to_arrow().num_rows == 3
    assert "<th>concept</th>" in report._repr_html_()


def test_a_table_alone_shows_itself_too(url: str) -> None:
    answer = t2c.open(url).sql("select dataset, count(*) as images from images group by 1 order by 1")
    assert isinstance(answer, Shown)
    assert answer.table.to_pylist() == [{"dataset": "new_photos", "images": 240}, {"dataset": "photos", "images": 240}]
    assert "new_photos" in str(answer)


def test_a_notebook_shows_the_pictures_and_escapes_names(tmp_path: Path) -> None:
    place = tmp_path / "photos"
    fill(place, 3)
    (place / "0000.jpg").rename(place / "<b>.jpg")
    store = t2c.open(str(tmp_path / "store"), create=True)
    store.index(str(place), "photos")
    (place / "0001.jpg").unlink()
    html = store.sql("select image_id, uri from images order by image_id")._repr_html_()
    assert html.count('<img src="data:image/webp;base64,') == 2, "one picture is gone; its row stands"
    assert "&lt;b&gt;.jpg" in html
    assert "<b>.jpg" not in html


def test_pandas_is_asked_for_by_name(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = t2c.open(url).top("photos", "red", k=3)
    pandas = pytest.importorskip("pandas")
    assert isinstance(answer.to_pandas(), pandas.DataFrame)


def test_methods_and_functions_are_one(tmp_path: Path) -> None:
    store = t2c.open(str(tmp_path / "store"), create=True)
    report = store.index(str(fill(tmp_path / "photos", 2)), "photos")
    again = index(store._store, str(tmp_path / "photos"), "photos")
    assert (report.new, again.new) == (2, 0)
