"""What every walk starts from: the running site, and browsers with and without JavaScript."""

from functools import partial

import pytest


@pytest.fixture
def site(live_server, settings, smtp_sink):
    """The running site, whose mails carry its address and leave by SMTP to the sink."""
    settings.SITE_URL = live_server.url
    return live_server.url


@pytest.fixture(params=[True, False], ids=["javascript", "no-javascript"])
def javascript(request):
    return request.param


@pytest.fixture
def axe(axe, javascript):
    return partial(axe, javascript=javascript)


@pytest.fixture
def person(javascript, browser, browser_context_args):
    """Opens a browser of one's own: `person()` is a fresh page that refuses any CSP violation."""
    contexts = []

    def arrive():
        context = browser.new_context(**browser_context_args | {"java_script_enabled": javascript})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(5000)
        page.on("console", lambda said: pytest.fail(said.text) if "Content Security" in said.text else None)
        return page

    yield arrive
    for context in contexts:
        context.close()
