"""Requests for jobs that are refused, and the reason that the user reads."""

import pytest

from addon.core.client import Refused


@pytest.mark.parametrize("path", ["../x", "/x", "a/../b", "a//b", "C:x", "a\\b", "nul", "a/", "a\n", ". ", "x" * 300])
def test_a_folder_with_odd_paths_is_refused(client, path):
    inputs = {"subject": {path: client.put_bytes(b"x")}, "speech": client.put_bytes(b"count")}
    with pytest.raises(Refused, match="may not contain a file called") as caught:
        client.submit("perform", inputs, {})
    assert caught.value.status == 422


def test_a_folder_where_a_file_is_also_a_folder_is_refused(client):
    sha = client.put_bytes(b"x")
    with pytest.raises(Refused, match="both a file and a folder"):
        client.submit("perform", {"subject": {"a": sha, "a/b": sha}, "speech": sha}, {})


def test_a_job_that_names_a_missing_file_is_refused_and_says_which(client):
    inputs = {"subject": {"subject.toml": client.put_bytes(b"subject")}, "speech": "f" * 64}
    with pytest.raises(Refused, match="f" * 64) as caught:
        client.submit("perform", inputs, {})
    assert caught.value.status == 409


@pytest.mark.parametrize("kind, inputs, settings, words", [
    ("fly", {}, {}, "fly"),
    ("learn", {}, {}, "clip"),
    ("learn", {"clip": "/etc/passwd"}, {}, "clip"),
    ("learn", {"clip": "0" * 64}, {"speed": 1}, "speed"),
    ("learn", {"clip": "0" * 64}, {"albedo": "high"}, "albedo"),
    ("learn", {"clip": "0" * 64}, {"preset": "best"}, "preset"),
    ("match", {"subject": {"a": "0" * 64}, "poses": "0" * 64}, {}, "match_plates"),
    ("perform", {"subject": {"a": "0" * 64}, "speech": "0" * 64}, {"pose": "danced"}, "pose"),
    ("match_plates", {"subject": {"a": "0" * 64}, "poses": "0" * 64}, {"plate_fit": 2}, "plate_fit"),
])
def test_a_request_that_makes_no_sense_is_refused_with_the_field(client, kind, inputs, settings, words):
    with pytest.raises(Refused, match=words) as caught:
        client.submit(kind, inputs, settings)
    assert caught.value.status == 422
