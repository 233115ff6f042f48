"""What the browser loads: from the console itself, and nothing else."""

import hashlib
import re
from pathlib import Path

import pytest

import mailroomctl.web

ROOM = Path(mailroomctl.web.__file__).parent
FILES = sorted(path for folder in ("static", "templates") for path in (ROOM / folder).iterdir())
OURS = [path for path in FILES if not path.name.startswith("htmx")]

#: htmx.org 2.0.11 from npm, as it is; a new version comes with its licence.
HTMX = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


def test_htmx_is_as_published() -> None:
    assert hashlib.sha256((ROOM / "static" / "htmx.min.js").read_bytes()).hexdigest() == HTMX
    assert "Zero-Clause BSD" in (ROOM / "static" / "htmx.LICENSE.txt").read_text()
    assert 'version:"2.0.11"' in (ROOM / "static" / "htmx.min.js").read_text()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_no_other_host_and_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert set(re.findall(r"https?://[\w.]+", text)) <= {"http://www.w3.org"}
    assert not re.search(r"(?:src|href|action|hx-\w+)\s*=\s*[\"']//", text)
    if path.suffix == ".html":
        # The policy of the pages forbids them; they would be broken, quietly.
        assert not re.search(r"\sstyle\s*=|\son\w+\s*=|javascript:|<style", text)
        assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
        assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("path", [path for path in OURS if path.suffix == ".html"], ids=lambda path: path.name)
def test_every_template_compiles(path: Path) -> None:
    from mailroomctl.web.rendering import environment

    assert environment().get_template(path.name)


def test_every_change_is_sent_by_htmx() -> None:
    """A form that the browser itself sends brings no token."""
    for path in OURS:
        for form in re.findall(r"<form[^>]*>", path.read_text()):
            assert "hx-post=" in form or 'method="get"' in form, (path.name, form)


@pytest.mark.parametrize("name", ["action.html", "forms.html", "send.html"])
def test_what_htmx_sends_waits_for_it(name: str) -> None:
    """A click before would load the page again, and do nothing."""
    text = (ROOM / "templates" / name).read_text()
    for form in re.findall(r"<form[^>]*hx-post=.*?</form>", text, re.DOTALL):
        [button] = re.findall(r"<button[^>]*>", form)
        assert "disabled" in button
        assert "data-ready" in button
