"""Check the machine a user is on: versions, devices, memory and disk, the store, the weights; without changing anything."""

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from t2c.flows.engine.machine import cores
from t2c.schemas.errors import StoreWriteError, T2CError
from t2c.schemas.extras import EXTRAS, PURPOSE, install_command, lacking, pip_install
from t2c.store.disk.locks import check_locks
from t2c.store.disk.root import open_store

PACKAGES = (
    "zarr",
    "duckdb",
    "pyarrow",
    "numpy",
    "pillow",
)
"""Distributions that every install has."""
MEMORY_FLOOR_GIB = 4.0
DISK_FLOOR_GIB = 5.0
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    name: str
    """What was looked at."""
    state: str
    """`ok`, `note` (works, worth knowing) or `problem`."""
    finding: str
    """What was found, with units."""
    todo: str = ""
    """What to type when it is a problem."""


def doctor(store_url: str, *, devices: bool = True) -> list[Check]:
    """Return the checks of this machine and of the store at store_url; devices=False leaves torch unloaded."""
    checks = [*_python(), *_packages(), *_machine(), *_store(store_url), *_home()]
    return checks + list(_devices()) if devices else checks


def _python() -> Iterator[Check]:
    yield Check("python", "ok", platform.python_version())


def _packages() -> Iterator[Check]:
    for package in PACKAGES:
        try:
            yield Check(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Check(package, "problem", "not installed", pip_install(package))
    of_module = importlib.metadata.packages_distributions()
    for extra, modules in EXTRAS.items():
        if lacking(extra):
            yield Check(f"extra {extra}", "note", f"not installed; for {PURPOSE[extra]}", install_command(extra))
        else:
            names = [of_module[module][0] for module in modules]
            yield Check(
                f"extra {extra}", "ok", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
            )


def _machine() -> Iterator[Check]:
    yield Check("cores", "ok", str(cores()))
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
        state = "ok" if memory >= MEMORY_FLOOR_GIB else "note"
        yield Check("memory", state, f"{memory:.1f} GiB")


def _store(url: str) -> Iterator[Check]:
    try:
        store = open_store(url)
    except T2CError as error:
        yield Check("store", "note", str(error))
        return
    yield Check("store", "ok", store.url)
    if "://" in store.url:
        return
    free = shutil.disk_usage(store.url).free / GIB
    yield Check("free disk", "ok" if free >= DISK_FLOOR_GIB else "note", f"{free:.1f} GiB beside the store")
    if not os.access(store.url, os.W_OK):
        yield Check(
            "store access", "note", "read-only: queries work, steps that write do not", "t2c --store FOLDER ..."
        )
    try:
        check_locks(store.url)
    except StoreWriteError as error:
        yield Check("store locks", "note", str(error))


def _home() -> Iterator[Check]:
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0")
    yield Check("model cache", "note" if offline else "ok", f"{home}{' (HF_HUB_OFFLINE is set)' if offline else ''}")


def _devices() -> Iterator[Check]:
    if lacking("extract"):
        return
    from t2c.core.encoders.devices import describe_devices

    for name, finding in describe_devices():
        yield Check(name, "ok", finding)
