"""A headless Chromium, steered by its own protocol over a pipe: what a person would see, and what a page asks for.

https://chromedevtools.github.io/devtools-protocol: with `--remote-debugging-pipe` messages are JSON, each ended by a
zero byte, on the file descriptors 3 and 4 of the browser.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 60.0


class Page:
    """The one tab of a browser."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        (target,) = [one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer to a message of the protocol; what happens meanwhile is put to `events`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def open(self, file: Path, *, width: int, dark: bool = False, printed: bool = False) -> None:
        """Show a page in a window of that many pixels, and forget the events of the last one."""
        self.events.clear()
        self.look(width=width, dark=dark, printed=printed)
        self.call("Page.navigate", url=file.resolve().as_uri())
        deadline = time.monotonic() + PATIENCE_S
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._next(deadline)

    def look(self, *, width: int, dark: bool = False, printed: bool = False) -> None:
        """See the same page in another window, in another light or on paper."""
        phone = width < 500
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media="print" if printed else "screen", features=features)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def screenshot(self, height: int | None = None) -> bytes:
        """A PNG of the whole page, or of its first `height` pixels."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height or 16_000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    @property
    def requests(self) -> list[str]:
        """What was asked for beside the page itself and what stands in it."""
        urls = [one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"]
        return [url for url in urls[1:] if not url.startswith("data:")]

    @property
    def complaints(self) -> list[Any]:
        """Errors and warnings of the console."""
        return [
            event["params"]
            for event in self.events
            if event["method"] == "Runtime.exceptionThrown"
            or (event["method"] == "Runtime.consoleAPICalled" and event["params"]["type"] in ("error", "warning"))
            or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("error", "warning"))
        ]

    def _next(self, deadline: float) -> dict[str, Any]:
        """The next message of the browser."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"Expected an answer of the browser within {PATIENCE_S:g} s."
            chunk = os.read(self._read, 1 << 20)
            assert chunk, "Expected an answer of the browser, but it has ended."
            self._rest += chunk
        text, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browser() -> Iterator[Page]:
    """A Chromium without a window, which goes with the block."""
    assert CHROMIUM is not None
    theirs_read, write = os.pipe()
    read, theirs_write = os.pipe()
    # It reads from descriptor 3 and writes to 4; a shell moves ours there, whichever numbers they have.
    moved = f'exec "$0" "$@" 3<&{theirs_read} 4>&{theirs_write}'
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        flags = [
            "--headless",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--no-first-run",
            "--disable-gpu",
        ]
        flags += ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "about:blank"]
        with subprocess.Popen(
            ["bash", "-c", moved, CHROMIUM, *flags],
            pass_fds=(theirs_read, theirs_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            for end in (theirs_read, theirs_write):
                os.close(end)
            try:
                yield Page(write, read)
            finally:
                process.terminate()
                process.wait(PATIENCE_S)
                for end in (write, read):
                    os.close(end)
