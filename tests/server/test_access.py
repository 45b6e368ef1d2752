"""Tokens, certificates and limits of a server, without a connection."""

import json
import os
import stat
import time
from datetime import date, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from headroom.common.errors import InputError
from headroom.server.access import certificate
from headroom.server.access.certificate import fingerprint_of, own_certificate
from headroom.server.access.limits import Limits, Rate
from headroom.server.access.tokens import FILE_NAME, Tokens


def test_a_token_is_found_by_its_secret_which_is_not_stored(tmp_path):
    tokens = Tokens(tmp_path)
    secret, token = tokens.add("anna", "laptop", "2999-01-02")
    assert tokens.find(secret) == token and (token.user, token.label, token.until) == ("anna", "laptop", "2999-01-02")
    assert not token.refusal_reason
    content = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert secret not in content and secret.removeprefix("headroom-") not in content
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("secret", ["", "headroom-", "wrong", "\udcff", "0" * 10_000])
def test_other_secrets_are_nobodys(tmp_path, secret):
    tokens = Tokens(tmp_path)
    assert tokens.find(secret) is None
    tokens.add("anna")
    assert tokens.find(secret) is None


def test_a_token_ends_after_its_last_day(tmp_path):
    today = date.today()
    for days, ended in ((0, False), (-1, True)):
        _, token = Tokens(tmp_path).add("anna", until=(today + timedelta(days=days)).isoformat())
        assert bool(token.refusal_reason) is ended
    assert token.refusal_reason.startswith("The token ended on ")


def test_a_running_server_notices_new_and_revoked_tokens(tmp_path):
    servers, commands = Tokens(tmp_path), Tokens(tmp_path)
    assert servers.all() == []
    (one, first), (two, _), (three, _) = commands.add("anna"), commands.add("anna"), commands.add("ben")
    assert [servers.find(secret).user for secret in (one, two, three)] == ["anna", "anna", "ben"]
    commands.revoke(first.id)
    assert [bool(servers.find(secret).refusal_reason) for secret in (one, two, three)] == [True, False, False]
    commands.revoke("anna")
    assert servers.find(two).refusal_reason == "The token was revoked. Ask whoever runs the server for another one."
    with pytest.raises(InputError, match="There is no token anna that could be revoked"):
        commands.revoke("anna")


@pytest.mark.parametrize("name", ["", "Anna", "a b", "../x", "a@b", "-a", "a" * 33, "ä"])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot be a user's name"):
        Tokens(tmp_path).add(name)


def test_a_last_day_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(InputError, match="2027-02-30 is no last day of a token"):
        Tokens(tmp_path).add("anna", until="2027-02-30")
    assert not (tmp_path / FILE_NAME).exists()


def test_damaged_tokens_are_reported_and_the_ones_read_before_still_count(tmp_path):
    tokens = Tokens(tmp_path)
    secret, _ = tokens.add("anna")
    assert tokens.find(secret)
    for content in ("{", '{"format": 1, "tokens": [{"id": "1"}]}'):
        (tmp_path / FILE_NAME).write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match=r"tokens\.json cannot be read: .*give every user a new token"):
            Tokens(tmp_path).all()
        assert tokens.find(secret).user == "anna"
    (tmp_path / FILE_NAME).write_text(json.dumps({"format": 2, "tokens": []}), encoding="utf-8")
    with pytest.raises(InputError, match=r"was written by a newer version of Headroom\. Update Headroom\."):
        Tokens(tmp_path).all()


def test_the_servers_own_certificate_is_made_once_and_only_its_owner_reads_it(tmp_path):
    file = own_certificate(tmp_path)
    fingerprint = fingerprint_of(file)
    assert len(fingerprint.split(":")) == 32 and fingerprint_of(own_certificate(tmp_path)) == fingerprint
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert fingerprint_of(own_certificate(tmp_path / "other")) != fingerprint


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_a_certificate_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "c.pem").write_bytes(content)
    with pytest.raises(InputError, match=r"The server's certificate in .*c\.pem cannot be used"):
        fingerprint_of(tmp_path / "c.pem")
    with pytest.raises(InputError, match="No such file"):
        fingerprint_of(tmp_path / "none.pem")


def test_an_encrypted_key_is_refused_instead_of_asking_for_its_password(tmp_path):
    file = own_certificate(tmp_path)
    key = load_pem_private_key(file.read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    file.write_bytes(encrypted + file.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2])
    with pytest.raises(InputError, match=r"The server's certificate in .* cannot be used"):
        fingerprint_of(file)


def test_a_certificate_that_has_ended_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate, "YEARS", 0)
    with pytest.raises(InputError, match=f"it ended on {datetime.now(timezone.utc) - timedelta(days=1):%Y-%m-%d}"):
        fingerprint_of(own_certificate(tmp_path))


def test_limits_have_defaults_and_0_switches_one_off(tmp_path):
    (tmp_path / "limits.toml").write_text("user_gb = 2.5\nupload_gb = 0\n")
    limits = Limits.load(tmp_path / "limits.toml")
    assert (limits.user_gb, limits.upload_gb, limits.user_jobs) == (2.5, None, Limits().user_jobs)


@pytest.mark.parametrize(("text", "words"), [
    ("user_gb = -1", "The limit user_gb in"), ("speed = 1", "The limit speed in"), ("keep_days = 0", "keep_days"),
    ("user_jobs = 1.5", "user_jobs"), ("user_gb = 'much'", "user_gb"), ("a = [", "because the file"),
])
def test_limits_that_cannot_be_used_are_named(tmp_path, text, words):
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        Limits.load(tmp_path / "limits.toml")


def test_a_minute_of_requests_may_come_at_once_and_the_rest_in_time():
    now = [0.0]
    rate = Rate(60, clock=lambda: now[0])
    assert [rate.wait_seconds("anna") for _ in range(61)] == [0.0] * 60 + [1.0]
    assert rate.wait_seconds("ben") == 0.0
    now[0] = 2.5
    assert [rate.wait_seconds("anna") for _ in range(3)] == [0.0, 0.0, pytest.approx(0.5)]
    now[0] = 1000.0
    assert rate.wait_seconds("anna", cost=0) == 0.0 and Rate(None).wait_seconds("anna") == 0.0


def test_counting_requests_takes_no_time_to_speak_of():
    rate, start = Rate(60), time.perf_counter()
    for number in range(30_000):
        rate.wait_seconds(f"10.0.0.{number}")
    assert time.perf_counter() - start < 2 and len(rate._left) <= 10_000
