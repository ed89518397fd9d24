"""A real browser for tests: Chromium as the system has it, driven by Playwright.

    def test_it(open_page):
        page = open_page(width=390, colour_scheme="dark")
        page.goto(url)
        screenshot(page, "report_phone")

No browser is downloaded: tests skip where none of CHROMIUMS is on PATH. A page may
speak to this machine only, and a test fails on whatever its pages complain of.
"""

import contextlib
import os
import shutil
from urllib.parse import urlsplit

import pytest
from support.paths import REPOSITORY

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
# Looked at by people, kept by continuous integration, ignored by git.
SCREENSHOTS = REPOSITORY / "artifacts" / "screenshots"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOCAL_SCHEMES = ("file", "data", "blob", "about")
# Names are not even resolved, so that what a page asks of the internet cannot arrive.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"


@pytest.fixture(scope="module")
def chromium():
    """Playwright's Browser. One a module: while it is there, its event loop counts as
    running in this thread, and a later test could not call asyncio.run."""
    executable = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if executable is None:
        pytest.skip(f"none of {', '.join(CHROMIUMS)} on PATH: install Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Playwright leaves out Chromium's sandbox, which root cannot have.
        browser = playwright.chromium.launch(
            executable_path=executable, args=[OFFLINE, "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """(width=1280, height=800, colour_scheme="light", expected=(), **options) -> a new
    Page, in a context of its own, made with further options of Playwright's.

    The test fails at its end on complaints (`watch`), unless one of `expected` is in
    them.
    """
    complaints = []
    with contextlib.ExitStack() as contexts:

        def make(width=1280, height=800, colour_scheme="light", expected=(), **options):
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=colour_scheme,
                **options,
            )
            contexts.callback(context.close)
            watch(context, complaints, expected)
            return context.new_page()

        yield make
    assert not complaints, "\n".join(complaints)


def watch(context, complaints, expected=()):
    """Appends to complaints what the pages and workers of a context log as an error or
    a warning, raise and do not catch, and ask of any other machine."""

    def complain(text):
        if not any(part in text for part in expected):
            complaints.append(text)

    def logged(message):
        if message.type in ("error", "warning"):
            complain(f"{message.type}: {message.text} {message.location}")

    def asked(request):
        if not _local(request.url):
            complain(f"asked {request.url}")

    context.on("console", logged)
    context.on("weberror", lambda error: complain(f"uncaught: {error.error}"))
    context.on("request", asked)


def screenshot(page, name, full_page=True):
    """Keeps what the page looks like as SCREENSHOTS/NAME.png; returns that path."""
    os.makedirs(SCREENSHOTS, exist_ok=True)
    path = SCREENSHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=full_page)
    return path


def _local(url):
    parts = urlsplit(url)
    return parts.scheme in LOCAL_SCHEMES or parts.hostname in LOOPBACK
