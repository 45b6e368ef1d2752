"""The server in the preferences, and the certificate that is remembered for it."""

from pathlib import Path

import pytest

FINGERPRINT = ":".join(["AB"] * 32)


@pytest.fixture
def chosen(headroom):
    """The preferences with a server."""
    preferences = headroom.module("ui.preferences")
    chosen = preferences.preferences(headroom.bpy.context)
    before = chosen.where, chosen.url, chosen.token
    chosen.where, chosen.url, chosen.token = "SERVER", "https://render.studio:8765/ ", "secret"
    yield chosen
    chosen.fingerprint = ""
    chosen.where, chosen.url, chosen.token = before


def test_the_fingerprint_is_entered_shown_and_cleared(headroom, chosen):
    preferences = headroom.module("ui.preferences")
    chosen.fingerprint = FINGERPRINT.lower()
    assert chosen.fingerprint == FINGERPRINT
    chosen.url = "https://another.studio:8765"
    assert chosen.fingerprint == ""
    chosen.url = "https://render.studio:8765"
    address = preferences.address(headroom.bpy.context)
    assert (address.url, address.token) == ("https://render.studio:8765", "secret")
    known = headroom.module("core.known_servers").KnownServers(Path(address.known_servers))
    assert known.fingerprint(address.url) == FINGERPRINT
    chosen.fingerprint = ""
    assert chosen.fingerprint == known.fingerprint(address.url) == ""


def test_a_text_that_is_no_fingerprint_is_not_taken(chosen):
    chosen.fingerprint = FINGERPRINT
    chosen.fingerprint = "AB:CD"
    assert chosen.fingerprint == FINGERPRINT


def test_a_client_of_the_server_knows_the_fingerprint(headroom, chosen):
    chosen.fingerprint = FINGERPRINT
    client = headroom.module("ui.preferences").connector(headroom.bpy.context)()
    assert client.url == "https://render.studio:8765"
    assert client._transport._known_servers.fingerprint(client.url) == FINGERPRINT
