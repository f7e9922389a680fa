"""An optional part that is missing is said with the command that installs it where this install came from."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from t2c.schemas import extras
from t2c.schemas.errors import MissingExtra

ROOT = Path(__file__).parents[2]


class Installed:
    """A distribution whose direct_url.json (PEP 610) is as given."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def read_text(self, _name: str) -> str | None:
        return self.text


@pytest.mark.parametrize(
    ("origin", "what"),
    [
        ('{"url": "file:///here/t2c", "dir_info": {"editable": true}}', "-e '/here/t2c[s3]'"),
        ('{"url": "file:///here/t2c", "dir_info": {}}', "'/here/t2c[s3]'"),
        ('{"url": "file:///my%20files/t2c-0.1-py3.whl", "archive_info": {}}', "'/my files/t2c-0.1-py3.whl[s3]'"),
        ('{"url": "https://example.org/t2c.whl", "archive_info": {}}', "'https://example.org/t2c.whl[s3]'"),
        (None, "'PATH-OF-THE-WHEEL.whl[s3]'"),
    ],
    ids=["editable", "folder", "wheel", "address", "unknown"],
)
def test_the_command_names_what_this_was_installed_from(
    origin: str | None, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _name: Installed(origin))
    assert extras.install_command("s3") == f"{sys.executable} -m pip install {what}"


def test_here_it_is_this_checkout() -> None:
    assert extras.install_command("extract").endswith(f"install -e '{ROOT}[extract]'")


def test_a_module_that_is_not_there_is_required_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.require("onnx", subject="export")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(
        MissingExtra, match=r"^export: expected the onnx package \(extra onnx of t2c\), but got none\. Type: "
    ):
        extras.require("onnx", subject="export")
    with pytest.raises(MissingExtra, match=r"\[onnx\]', or name another file$"):
        extras.require("onnx", subject="export", todo="or name another file")


@pytest.mark.parametrize(("module", "extra"), [("torch.nn", "extract"), ("distributed", "dask"), ("prefect", "flows")])
def test_an_import_that_failed_is_explained_by_its_extra(module: str, extra: str) -> None:
    error = extras.extra_of(ModuleNotFoundError(f"No module named {module!r}", name=module))
    assert error is not None
    assert f"[{extra}]" in str(error)


def test_an_import_of_anything_else_is_not_explained() -> None:
    assert extras.extra_of(ModuleNotFoundError("No module named 'mine'", name="mine")) is None


def test_every_extra_of_the_project_is_listed_with_its_purpose() -> None:
    declared = set(importlib.metadata.metadata("t2c-audit-store").get_all("Provides-Extra") or ())
    assert set(extras.EXTRAS) == set(extras.PURPOSE) == declared - {"all"}
