"""Headless Chromium for tests of pages: driven over its debugging pipe (file descriptors 3 and 4), so with no further package."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
"""The browser, or None."""

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One tab, and what went wrong in it."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer, self._rest, self._last = reader, writer, b"", 0
        self.problems: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Send one command to the tab and return its result."""
        return self._call(method, session=self._session, **params)

    def _call(self, method: str, *, session: str | None = None, **params: Any) -> Any:
        self._last += 1
        message = {"id": self._last, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._last:
                if "error" in found:
                    raise RuntimeError(f"{method}: {found['error']}")
                return found["result"]
            if found.get("method") == "Runtime.exceptionThrown":
                self.problems.append(str(found["params"]["exceptionDetails"]))
            if found.get("method") == "Log.entryAdded":
                self.problems.append(str(found["params"]["entry"]["text"]))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not (part := os.read(self._reader, 1 << 16)):
                raise RuntimeError("the browser has gone")
            self._rest += part
        line, self._rest = self._rest.split(b"\0", 1)
        return json.loads(line)

    def open(self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file from disk in a window of a size, and wait for it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.run("window.left = true")  # the page that is there: it may be the same file
        self.call("Page.navigate", url=path.as_uri())
        self.until("!window.left && document.readyState === 'complete' && location.protocol === 'file:'")

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def until(self, script: str, *, seconds: float = 20) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def shot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Start the browser with an empty profile in a folder; downloads land in folder/downloads."""
    assert BROWSER is not None
    to_read, to_write = os.pipe(), os.pipe()
    downloads = folder / "downloads"
    downloads.mkdir(parents=True)
    command = " ".join([BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"])
    shell = f"exec {command} 3<&{to_write[0]} 4>&{to_read[1]}"
    process = subprocess.Popen(
        ["bash", "-c", shell], pass_fds=(to_write[0], to_read[1]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_write[0])
    os.close(to_read[1])
    try:
        page = Page(to_read[0], to_write[1])
        page._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        yield page
    finally:
        os.close(to_write[1])
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_read[0])
