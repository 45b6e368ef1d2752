"""The server answers everything that is sent to it, and its parsers raise sentences only."""

import io
import json
import zipfile

import numpy as np
import pytest
from fuzzing import fuzz, fuzz_lines, fuzz_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import Asker, served

from headroom.common.errors import InputError
from headroom.server import trees
from headroom.server.access.limits import Limits
from headroom.server.access.tokens import FILE_NAME, Tokens
from headroom.server.input_files import read_poses

QUICK = settings(max_examples=60, deadline=None, derandomize=True, database=None,
                 suppress_health_check=list(HealthCheck))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values,
                                                                                  max_size=3), max_leaves=8)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzing")
    with served(folder) as (process, announcement):
        yield announcement
        assert process.poll() is None
        assert "Traceback" not in (folder / "stderr.log").read_text(encoding="utf-8")


def test_requests_from_the_document_get_an_answer(server):
    statuses, faults = fuzz(server["url"], server["token"], 25)
    assert faults == [] and sum(statuses.values()) > 15


def test_requests_with_impossible_values_get_an_answer(server):
    statuses, faults = fuzz_values(server["url"], server["token"], 400)
    assert faults == [] and {200, 404, 422} <= statuses.keys()


def test_what_is_hardly_http_harms_nobody(server):
    assert fuzz_lines(server["url"], server["token"], 100) == []
    ask = Asker(server["url"], server["token"])
    assert ask.wait(ask.perform("nothing")[1]["id"])["state"] == "done"


@QUICK
@given(paths=st.lists(st.text(max_size=12), min_size=1, max_size=4))
def test_a_tree_is_checked_or_refused_in_a_sentence(paths):
    try:
        trees.check_tree(dict.fromkeys(paths, "0" * 64))
    except InputError as error:
        assert str(error).endswith(".")
    else:
        assert all(".." not in path.split("/") and not path.startswith("/") for path in paths)


@QUICK
@given(name=st.text(max_size=120))
def test_a_clients_file_name_never_leaves_its_folder(name):
    plain = trees.plain_name(name, "clip")
    assert plain not in ("", ".", "..") and not set(plain) & set('/\\:\0') and len(plain) <= 100


@QUICK
@given(content=st.binary(max_size=200), names=st.lists(st.text(max_size=6), max_size=3), member=st.binary(max_size=80))
def test_poses_are_read_or_refused_in_a_sentence(tmp_path_factory, content, names, member):
    path = tmp_path_factory.mktemp("poses") / "poses.npz"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("rotation", *names):
            file.writestr(f"{name.replace(chr(0), '')}.npy", member)
    sound = io.BytesIO()
    np.savez(sound, fps=25.0, rotation=np.zeros((2, 3)), translation=np.zeros((2, 3)))
    cut = sound.getvalue()[:len(content) * 3]
    for each in (content, archive.getvalue(), cut, cut + content):
        path.write_bytes(each)
        with pytest.raises(InputError):
            read_poses(path)


@QUICK
@given(values=JSON)
def test_a_list_of_tokens_is_read_or_refused_in_a_sentence(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("tokens")
    for content in (values, {"format": 1, "tokens": values}, {"format": values, "tokens": [values]}):
        (folder / FILE_NAME).write_text(json.dumps(content), encoding="utf-8")
        try:
            Tokens(folder).all()
        except InputError as error:
            assert str(error).endswith(".")


@QUICK
@given(content=st.text(max_size=60), name=st.sampled_from(list(Limits.model_fields)), value=JSON)
def test_limits_are_read_or_refused_in_a_sentence(tmp_path_factory, content, name, value):
    path = tmp_path_factory.mktemp("limits") / "limits.toml"
    for text in (content, f"{name} = {json.dumps(value)}"):
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            Limits.load(path)
        except InputError as error:
            assert str(error).endswith(".")
