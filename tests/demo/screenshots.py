"""`make screenshots`: every page of the seeded demo, both themes, desktop and phone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.house import House
from tests.demo import PASSWORD
from tests.servers import CHROMIUM_FLAGS, ROOT, require, stop
from tests.surroundings import product_env

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")


def main(into: Path) -> None:
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="oversight-demo-") as folder:
        house = House(Path(folder), {}, serving="web")
        command = [sys.executable, "-m", "tests.demo", str(house.data)]
        told = subprocess.run(command, cwd=ROOT, env=product_env(), capture_output=True, check=True)
        pages: dict[str, str] = json.loads(told.stdout.splitlines()[-1])
        house.start()
        try:
            _take(house, pages, into)
        finally:
            assert house.process is not None
            stop(house.process)


def _take(house: House, pages: dict[str, str], into: Path) -> None:
    with sync_playwright() as playwright:
        path = require("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        for size in SIZES:
            page = _come(browser, house, size)
            for name, address in pages.items():
                page.goto(house.origin + address, wait_until="load")
                for theme in THEMES:
                    _shoot(page, into / f"{name}-{size}-{theme}.png", theme)
        browser.close()


def _come(browser: Browser, house: House, size: str) -> Page:
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, reduced_motion="reduce")
    page.goto(f"{house.origin}/signin/")
    page.fill("#id_username", "mira")
    page.fill("#id_password", PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{house.origin}/sessions/**")
    return page


def _shoot(page: Page, path: Path, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.wait_for_timeout(150)  # fades
    page.screenshot(path=path)


if __name__ == "__main__":
    main(ROOT / "docs/screenshots" if len(sys.argv) < 2 else Path(sys.argv[1]))
