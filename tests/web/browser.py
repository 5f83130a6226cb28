"""A real browser for tests of pages: Debian's chromium, driven by the WebDriver protocol."""

import asyncio
import base64
import os
import re
import shutil
import subprocess
from contextlib import asynccontextmanager

import aiohttp
import pytest

_SWITCHES = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # Whatever a page would ask of anybody else fails, and is seen in the log.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def find_browser() -> tuple[str, str]:
    """Find chromium and its driver, installing Debian's where that is possible; else skip."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        _install()
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("there is no chromium with chromedriver, and apt cannot install them here")
    return browser, driver


def _install() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wanted = ["chromium", "chromium-driver", "fonts-dejavu-core"]
    commands = (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted],
    )
    for command in commands:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=240, check=False
        )
        if done.returncode:
            return


class Browser:
    """One window of a browser."""

    def __init__(self, client, base):
        self._client = client
        self._base = base

    async def call(self, method, path, body=None):
        async with self._client.request(method, self._base + path, json=body) as response:
            value = (await response.json())["value"]
            assert response.status == 200, value
            return value

    async def open(self, url):
        await self.call("POST", "/url", {"url": url})

    async def reload(self):
        await self.call("POST", "/refresh", {})

    async def press(self, key):
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        actions = [{"type": "key", "id": "keyboard", "actions": keys}]
        await self.call("POST", "/actions", {"actions": actions})

    async def run(self, script):
        return await self.call("POST", "/execute/sync", {"script": script, "args": []})

    async def wait_for(self, script, wanted=True, seconds=30):
        found = None
        for _ in range(int(seconds * 20)):
            found = await self.run(f"return {script}")
            if found == wanted:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{script} is {found!r}, and not {wanted!r}")

    async def text(self, selector):
        return await self.run(f"return document.querySelector({selector!r}).innerText")

    async def devtools(self, command, **parameters):
        body = {"cmd": command, "params": parameters}
        return await self.call("POST", "/goog/cdp/execute", body)

    async def show_as(self, *, width=1280, height=900, dark=False):
        """Change the window's size and the colours that its user likes."""
        await self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.devtools("Emulation.setEmulatedMedia", features=scheme)

    async def save_picture(self, path):
        path.write_bytes(base64.b64decode(await self.call("GET", "/screenshot")))

    async def messages(self):
        """What the browser has complained of: refused by a policy, not found, errors."""
        return await self.call("POST", "/se/log", {"type": "browser"})


@asynccontextmanager
async def open_browser(directory):
    """Start a browser with an empty profile in a directory."""
    browser, driver = find_browser()
    profile = directory / "profile"
    profile.mkdir()
    process, port = await asyncio.to_thread(_start, driver)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(90)) as client:
            base = f"http://127.0.0.1:{port}/session"
            options = {"binary": browser, "args": [*_SWITCHES, f"--user-data-dir={profile}"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            body = {"capabilities": {"alwaysMatch": wanted}}
            async with client.post(base, json=body) as response:
                value = (await response.json())["value"]
                assert response.status == 200, value
            window = Browser(client, f"{base}/{value['sessionId']}")
            try:
                yield window
            finally:
                await window.call("DELETE", "")
    finally:
        process.terminate()
        process.communicate()


def _start(driver):
    """Start the driver; a port that it finds free may be taken before it has it."""
    command = [driver, "--port=0"]
    told = ""
    for _ in range(5):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in process.stdout:
            told += line
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                return process, int(found[1])
        process.communicate()
    raise AssertionError(f"chromedriver ended before it listened: {told}")
