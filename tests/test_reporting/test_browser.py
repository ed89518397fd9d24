"""The tests' browser: it must not let trouble pass."""

import pytest
from support.browser import watch


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('lost')", "error: lost"),
        ("console.warn('odd')", "warning: odd"),
        ("setTimeout(() => { throw new Error('thrown') })", "uncaught: thrown"),
        ("Promise.reject(new Error('rejected'))", "uncaught: rejected"),
        ("fetch('http://example.org/x').catch(() => 0)", "asked http://example.org/x"),
        ("fetch('http://127.0.0.1.nip.io/').catch(() => 0)", "asked http://127.0.0.1."),
    ],
)
def test_a_page_in_trouble_is_noticed(chromium, script, complaint):
    complaints = []
    with chromium.new_context() as context:
        watch(context, complaints)
        page = context.new_page()
        page.set_content(f"<script>{script}</script>")
        page.wait_for_timeout(100)
    assert [one for one in complaints if one.startswith(complaint)], complaints


def test_what_is_expected_is_no_trouble(open_page):
    page = open_page(width=390, colour_scheme="dark", expected=["lost"])
    page.set_content("<script>console.error('lost'); console.log('hello')</script>")
    assert page.evaluate("innerWidth") == 390
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
