"""A server that other machines can reach: users, what each may see, and limits."""

import hashlib
import json
import os
import sys
import time
from datetime import date, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from running import Asker, served

from headroom.server.access.certificate import fingerprint_of
from headroom.server.access.tokens import Tokens

LIMITS = ("upload_gb = 0.001\nuser_gb = 0.0021\nuser_jobs = 3\nrequests_per_minute = 300\nrefused_per_minute = 5\n"
          "job_minutes = 0.03\njob_memory_gb = 2\n")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("open")
    (folder / "limits.toml").write_text(LIMITS)
    return folder


@pytest.fixture(scope="module")
def announced(data):
    Tokens(data).add("first")
    with served(data, "--host", "0.0.0.0", "--tls", "--limits", data / "limits.toml") as (_, announcement):
        yield announcement


@pytest.fixture
def user(announced, data):
    """A function that gives a new user, or another token of one."""
    count = iter(range(100))

    def make(name="", **options):
        name = name or f"user-{os.urandom(3).hex()}-{next(count)}"
        secret, _ = Tokens(data).add(name, **options)
        return Asker(announced["url"].replace("0.0.0.0", "127.0.0.1"), secret)

    return make


def audit(data):
    return [json.loads(line) for line in (data / "logs" / "audit.log").read_text(encoding="utf-8").splitlines()]


def test_the_announcement_has_the_fingerprint_and_no_token(announced, data):
    assert announced["fingerprint"] == fingerprint_of(data / "server.pem")
    assert announced["url"].startswith("https://") and "token" not in announced


def test_the_owners_token_is_not_let_in_from_elsewhere(user):
    owner = user()
    owner.token = "owner"
    assert owner("GET", "/v2/health")[0] == 401


def test_a_token_that_has_ended_or_was_revoked_is_refused_in_a_sentence(user, data):
    ended = user(until=(date.today() - timedelta(days=1)).isoformat())
    status, reply = ended("GET", "/v2/jobs")
    assert status == 401 and reply["error"]["message"].startswith("The token ended on ")
    anna = user("anna-revoked")
    assert anna("GET", "/v2/jobs") == (200, [])
    Tokens(data).revoke("anna-revoked")
    assert anna("GET", "/v2/jobs")[1]["error"] == {
        "code": "unauthorized", "message": "The token was revoked. Ask whoever runs the server for another one."}


def test_one_users_jobs_do_not_exist_for_another(user):
    anna, ben = user(), user()
    _, job = anna.perform("count")
    assert anna.wait(job["id"])["state"] == "done"
    assert [each["id"] for each in anna("GET", "/v2/jobs")[1]] == [job["id"]] and ben("GET", "/v2/jobs")[1] == []
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel")):
        mine, none = (ben(method, f"/v2/jobs/{each}{path}") for each in (job["id"], "0" * 32))
        assert mine[0] == none[0] == 404
        assert mine[1]["error"]["message"].replace(job["id"], "0" * 32) == none[1]["error"]["message"]
    assert ben.perform("count", id=job["id"])[1]["error"]["message"] == (
        "The id of the job is taken. Choose another one.")
    assert anna.perform("count", id=job["id"])[1]["id"] == job["id"]


def test_one_users_files_do_not_exist_for_another(user):
    anna, ben = user(), user()
    content = os.urandom(1000)
    sha = anna.put(content)
    path = f"/v2/blobs/{sha}"
    assert anna("GET", path) == (200, content) and anna("HEAD", path)[0] == 200
    assert ben("GET", path)[0] == ben("HEAD", path)[0] == 404
    assert ben("POST", path, {"bytes": 1000}) == (200, {"stored": False, "offset": 0})
    inputs = {"subject": {"a": sha}, "speech": sha}
    status, reply = ben("POST", "/v2/jobs", {"kind": "perform", "inputs": inputs})
    assert status == 409 and reply["error"]["code"] == "missing_blob"
    assert ben("PUT", path, b"guessed")[0] == 422 and ben("GET", path)[0] == 404
    assert ben("PUT", path, content)[0] == 201 and ben("GET", path) == (200, content)
    assert anna("PUT", path, content)[0] == 200


def test_results_belong_to_the_user_of_the_job(user):
    anna, ben = user(), user()
    job = anna.wait(anna.perform("nothing")[1]["id"])
    path = f"/v2/blobs/{job['result']['performance']}"
    assert anna("GET", path)[0] == 200 and ben("GET", path)[0] == 404


def test_a_file_that_is_too_large_is_refused_before_and_while_it_is_sent(user):
    anna = user()
    path, words = f"/v2/blobs/{'1' * 64}", "The file is larger than the 0.001 GB that the server takes."
    for reply in (anna("POST", path, {"bytes": 1_000_001}), anna("PUT", path, bytes(1_000_001)),
                  anna("PUT", path, iter([bytes(600_000)] * 2))):
        assert reply[0] == 413 and words in reply[1]["error"]["message"]


def test_a_request_that_would_fill_the_memory_is_refused(user):
    anna, words = user(), "The request is longer than 16 MB, or does not say how long it is."
    for body in (bytes(16_000_001), iter([b"{}"])):
        status, reply = anna("POST", "/v2/jobs", body, Content_Type="application/json")
        assert status == 413 and reply["error"]["message"].startswith(words)


def test_the_files_of_a_user_have_a_quota(user):
    anna, ben = user(), user()
    for number in range(2):
        anna.put(bytes([number]) * 1_000_000)
    third = bytes([2]) * 1_000_000
    sha = hashlib.sha256(third).hexdigest()
    for reply in (anna("POST", f"/v2/blobs/{sha}", {"bytes": len(third)}), anna("PUT", f"/v2/blobs/{sha}", third)):
        assert reply[0] == 507
        assert "Your files would take more than the 0.0021 GB" in reply[1]["error"]["message"]
    assert anna("GET", f"/v2/blobs/{sha}")[0] == 404
    ben.put(third)


def test_a_user_has_only_so_many_jobs_and_each_only_so_much_time(user):
    anna = user()
    jobs = [anna.perform("stuck") for _ in range(4)]
    assert [status for status, _ in jobs] == [201, 201, 201, 429]
    assert "You have 3 jobs that wait or run" in jobs[3][1]["error"]["message"]
    ended = anna.wait(jobs[0][1]["id"])
    assert ended["state"] == "failed"
    assert ended["message"].startswith("This job took more than the 0.03 minutes that the server allows.")
    for _, job in jobs[1:3]:
        assert anna("POST", f"/v2/jobs/{job['id']}/cancel")[1]["state"] == "cancelled"
    assert anna.perform("nothing")[0] == 201


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such limit")
def test_a_job_that_needs_too_much_memory_fails_and_the_next_one_runs(user):
    anna = user()
    ended = anna.wait(anna.perform("memory: 4")[1]["id"])
    assert ended["state"] == "failed" and ended["message"].startswith("Memory ran out.")
    assert anna.wait(anna.perform("memory: 0.05")[1]["id"])["state"] == "done"


def test_too_many_requests_are_refused_with_the_time_to_wait(user):
    anna, ben = user(), user()
    replies = [anna("GET", "/v2/health")[0] for _ in range(5)]
    assert replies == [200] * 5
    end = time.monotonic() + 30
    while (response := anna.open("GET", "/v2/health")).status == 200:
        assert time.monotonic() < end
    assert response.status == 429 and int(response.headers["Retry-After"]) >= 1
    assert "You have sent too many requests. Wait" in response.read().decode()
    assert ben("GET", "/v2/health")[0] == 200


def test_the_audit_log_says_who_did_what(user, data):
    anna = user("anna-audit")
    sha = anna.put(b"audited")
    anna("GET", f"/v2/blobs/{sha}")
    anna("GET", "/v2/jobs")
    lines = [line for line in audit(data) if line.get("user") == "anna-audit"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("PUT", f"/v2/blobs/{sha}", 201), ("GET", f"/v2/blobs/{sha}", 200)]
    token = next(token for token in Tokens(data).all() if token.user == "anna-audit")
    assert all(line["token"] == token.id and line["address"] == "127.0.0.1" for line in lines)


def test_only_tokens_for_the_metrics_read_them_and_they_read_nothing_else(user):
    anna, prometheus = user(), user(role="metrics")
    assert anna("GET", "/v2/metrics")[1]["error"]["message"].startswith("This token cannot read the metrics.")
    assert prometheus("GET", "/v2/jobs")[1]["error"]["message"].startswith("This token is for the metrics only.")
    anna.wait(anna.perform("nothing")[1]["id"])
    response = prometheus.open("GET", "/v2/metrics")
    families = {family.name: family for family in text_string_to_metric_families(response.read().decode())}
    assert {"headroom_requests", "headroom_request_seconds", "headroom_jobs", "headroom_finished_jobs",
            "headroom_build", "headroom_listeners", "headroom_accepts_jobs"} <= families.keys()
    routes = {sample.labels["route"] for sample in families["headroom_requests"].samples}
    assert {"/v2/jobs/{job_id}", "/v2/blobs/{sha}"} <= routes
    assert not any("user" in sample.labels for family in families.values() for sample in family.samples)


def test_tokens_cannot_be_guessed_for_long(announced, data):
    """The last test of this server, because the address of all tests is refused afterwards."""
    thief = Asker(announced["url"].replace("0.0.0.0", "127.0.0.1"), "guess")
    thief("GET", f"/v2/{'x' * 60_000}")
    replies = [thief("GET", "/v2/jobs") for _ in range(12)]
    assert 429 in [status for status, _ in replies]
    assert "This address has sent too many requests without a valid token" in replies[-1][1]["error"]["message"]
    actions = audit(data)
    assert any(line["action"] == "refused" and line["path"] == "/v2/jobs" for line in actions)
    assert max(len(line["path"]) for line in actions) == 200
