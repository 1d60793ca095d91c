"""Chromium without a window, driven through its DevTools protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable, List, Optional

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_OPTIONS = ("--headless=new", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


class Browser:
    """One page. folder: for the browser's profile."""

    def __init__(self, folder: Path) -> None:
        from websockets.sync.client import connect

        assert PROGRAM is not None
        self.requested: List[str] = []
        self._count = 0
        profile = (f"--user-data-dir={folder}", "--remote-debugging-port=0", "--window-size=1300,1000")
        self._process = subprocess.Popen(
            [PROGRAM, *_OPTIONS, *profile, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = until(lambda: _first_line(folder / "DevToolsActivePort"))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            (page,) = (page for page in json.load(answer) if page["type"] == "page")
        self._socket = connect(page["webSocketDebuggerUrl"], max_size=None)
        self("Network.enable")

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol; its result."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("method") == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
            if message.get("id") == self._count:
                return message["result"]

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression gives."""
        return self("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def click(self, x: float, y: float) -> None:
        """Press and release the left button."""
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def close(self) -> None:
        """End the program."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for something that is true, and give it."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
    return result


def _first_line(path: Path) -> Optional[str]:
    lines = path.read_text().splitlines() if path.is_file() else []
    return lines[0] if len(lines) > 1 else None
