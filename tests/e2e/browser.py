"""A real Chromium, without a window, as an operator's browser."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from mailroomctl.local import lifecycle
from tests.e2e.world import World
from tests.left_out import left_out

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

#: Where pictures for the documents go; elsewhere they are made as well, and thrown away.
PICTURES = os.environ.get("MAILROOM_PICTURES")


@contextmanager
def chromium(program: Path | None = None) -> Iterator[Browser]:
    """Start Debian's Chromium, or a program that does."""
    if CHROMIUM is None:
        left_out("Chromium is not installed here: the browser part is left out")
    # It refuses to run as root with its sandbox, which containers do not allow either.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program or CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Operator:
    """Somebody at the console, who has nothing but the page; ``clicks`` counts what it takes."""

    def __init__(self, page: Page, world: World, folder: Path) -> None:
        self.page = page
        self.clicks = 0
        self._folder = folder
        self.mistakes: list[str] = []
        page.set_default_timeout(60_000)  # the machine may be busy with other tests
        page.on("console", lambda said: self.mistakes.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        page.goto(lifecycle.console_address(world.settings))

    def open(self, name: str) -> None:
        """Go to a page of the navigation."""
        self.click(self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True))

    def click(self, what: Locator | str) -> None:
        """Click a link or button, by its name, once it is there."""
        if isinstance(what, str):
            named = self.page.locator("a, button, summary").filter(has_text=what)
            what = named.first
        self.clicks += 1
        what.click()

    def fill(self, **fields: str) -> None:
        """Fill in what is open, by the names of the fields."""
        for name, value in fields.items():
            opened = self.page.locator(f"details[open] [name={name}]")
            field = opened.first if opened.count() else self.page.locator(f"[name={name}]:visible").first
            if field.evaluate("one => one.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)

    def sees(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.page.get_by_text(text).first.wait_for()

    def loaded(self) -> None:
        """Wait until no part of the page is still asked for."""
        self.page.wait_for_selector(".loading", state="detached")

    def act(self, button: str) -> None:
        """Do what a preview shows, and wait for its end."""
        self.click(self.page.locator("#job button.main").filter(has_text=button))
        self.page.locator("[data-ended]").wait_for()
        self.sees("✓ Done")

    def picture(self, name: str, *, whole: bool = False) -> None:
        """Take a picture for the documents, of what is visible or of the whole page."""
        self.page.screenshot(path=self.path(name), animations="disabled", full_page=whole)

    def path(self, name: str) -> Path:
        """Where a picture goes."""
        return Path(PICTURES or self._folder) / f"{name}.png"
