"""Requests that nobody would send: from the OpenAPI document, and lines that are hardly HTTP."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode

DOCUMENT = Path(__file__).with_name("openapi.json")
SLOW_SECONDS = 20.0
ALLOWED = {503, 507}  # statuses of 500 and more that are answers to the client
METHODS = (b"GET", b"PUT", b"POST", b"HEAD", b"PATCH", b"\x00", b"GET" * 999)


def fuzz(url: str, token: str, number: int, number_seed: int = 0) -> tuple[Counter[int], list[str]]:
    """Send about `number` requests; return how many had each status, and what is wrong."""
    schema = schemathesis.openapi.from_path(str(DOCUMENT))
    operations = [result.ok() for result in schema.get_all_operations()]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    statuses, faults, session = Counter[int](), [], requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    for operation in operations:
        for mode in modes:
            @seed(number_seed)
            @settings(max_examples=max(1, number // (len(operations) * len(modes))), deadline=None, database=None,
                      suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case):
                case.headers = {name: value for name, value in (case.headers or {}).items()
                                if name.lower() != "authorization"}
                start = time.monotonic()
                try:
                    response = case.call(base_url=url, session=session, timeout=SLOW_SECONDS)
                except requests.Timeout:
                    faults.append(f"no answer: {case.method} {case.path}")
                    return
                except (requests.RequestException, ValueError, UnicodeError):
                    return  # the client's library cannot send it
                statuses[response.status_code] += 1
                name = f"{case.method} {case.formatted_path}: {response.status_code}"
                if response.status_code >= 500 and response.status_code not in ALLOWED:
                    faults.append(f"{name} {response.content[:200]!r} to {str(case.body)[:300]}")
                elif time.monotonic() - start > SLOW_SECONDS:
                    faults.append(f"{name} after {time.monotonic() - start:.0f} s")
                elif response.status_code >= 400 and case.method != "HEAD" and b'"message"' not in response.content:
                    faults.append(f"{name} without a message")

            try:
                send()
            except Exception as error:  # schemathesis has no invalid case for an operation that takes anything
                if type(error).__module__.partition(".")[0] not in ("hypothesis", "schemathesis"):
                    raise
    return statuses, faults


def fuzz_values(url: str, token: str, number: int, number_seed: int = 0) -> tuple[Counter[int], list[str]]:
    """Send requests that make sense but for some of their values; return the statuses and what is wrong."""
    rng, statuses, faults = random.Random(number_seed), Counter[int](), []
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SLOW_SECONDS)
    subject, blob = {"subject.toml": "1" * 64}, "0" * 64
    asks = {"learn": {"clip": blob, "clip_name": "a.mp4"}, "perform": {"subject": subject, "speech": blob},
            "align_words": {"speech": blob}, "write_track": {"speech": blob},
            "match_plates": {"subject": subject, "poses": blob},
            "refine": {"subject": subject, "renders": [blob, None], "meshes": [None, blob], "match": blob},
            "refine_frames": {"subject": subject, "renders": [blob], "match": blob},
            "refine_chunk": {"subject": subject, "renders": [blob], "match": blob},
            "join_chunks": {"subject": subject, "chunks": [blob], "speech": blob},
            "evaluate": {"clip": blob, "clip_name": "a.mp4"}, "check": {"clip": blob, "clip_name": "a.mp4"}}
    for _ in range(number):
        kind = rng.choice(list(asks))
        content = {"kind": kind, "inputs": asks[kind], "settings": {"fps": 25, "seed": 1, "first": 0}, "id": "2" * 32,
                   "priority": "high"}
        method, path, body = rng.choice([
            ("POST", "/v2/jobs", content), ("POST", f"/v2/blobs/{blob}", {"bytes": 5}), ("GET", "/v2/jobs", None),
            ("PUT", f"/v2/blobs/{blob}", content), ("POST", f"/v2/jobs/{'2' * 32}/cancel", None)])
        for _ in range(rng.randrange(1, 4)):
            body = changed(body, rng)
        query = f"?{rng.choice(['limit', 'before'])}={rng.choice(['', '0', '-1', '1e9', '5', '%00', 'x' * 50])}"
        path = path.replace(blob, rng.choice([blob, "z", "..%2f", "A" * 64])) + (query if rng.random() < 0.3 else "")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
                   **({"Upload-Offset": rng.choice(["0", "7", "-1", "x", "9" * 30])} if rng.random() < 0.2 else {})}
        try:
            connection.request(method, path, json.dumps(body).encode("utf-8", "surrogatepass"), headers)
            response = connection.getresponse()
            answer = response.read()
        except TimeoutError:
            faults.append(f"no answer: {method} {path} {body}")
            connection.close()
        except (OSError, http.client.HTTPException):
            connection.close()
        else:
            statuses[response.status] += 1
            if response.status >= 500 and response.status not in ALLOWED:
                faults.append(f"{method} {path}: {response.status} {answer[:200]!r} to {str(body)[:300]}")
    connection.close()
    return statuses, faults


def changed(value: Any, rng: random.Random) -> Any:
    """Return a JSON value of which one part is another."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(list(value))
        if rng.random() < 0.15:
            return {**value, str(changed(name, rng)): value[name]}
        return {**value, name: changed(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], changed(value[place], rng), *value[place + 1:]]
    return rng.choice([None, True, 0, -1, 1e308, float("nan"), float("inf"), 1 << 70, "", "x" * 5000, "\0", "\ud800",
                       "../../etc", [], {}, [[[[]]]], {"a": {"b": {}}}, "0" * 64, "learn"])


def fuzz_lines(url: str, token: str, number: int, number_seed: int = 0) -> list[str]:
    """Send requests that are hardly HTTP and cut half of them; return what is wrong."""
    rng, address, faults = random.Random(number_seed), urlsplit(url), []
    for _ in range(number):
        path = rng.choice(["/v2/jobs", f"/v2/blobs/{'0' * 64}", "/v2/jobs/%00", "/../..", "/v2/blobs/%ff", "*", "/"])
        fields = [f"Authorization: Bearer {token}", "Content-Length: 10", "Content-Length: -1", "Content-Length: x",
                  "Transfer-Encoding: chunked", "Upload-Offset: 99999999999999999999", "Expect: 100-continue",
                  "Host: x", f"X: {'x' * 20000}", "Content-Type: application/json", "Range: bytes=5-1"]
        chosen = rng.sample(fields, rng.randrange(len(fields)))
        body = rng.choice([b"", b"{}", b"ffffffffffffffffff\r\n", b"5\r\nabcde\r\n0\r\n\r\n", rng.randbytes(300)])
        text = b"%s %s HTTP/1.1\r\n" % (rng.choice(METHODS), path.encode()) + "".join(
            f"{field}\r\n" for field in chosen).encode() + b"\r\n" + body
        try:
            with socket.create_connection((address.hostname, address.port), SLOW_SECONDS) as connection:
                connection.sendall(text[:rng.randrange(1, len(text))] if rng.random() < 0.5 else text)
                connection.shutdown(socket.SHUT_WR)
                reply = connection.recv(65536)
        except TimeoutError:
            faults.append(f"no answer to {text[:300]!r}")
        except OSError:
            continue
        else:
            if b" 500 " in reply[:20]:
                faults.append(f"{reply[:20]!r} to {text[:300]!r}")
    return faults
