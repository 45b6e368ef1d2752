"""For all tests: how the run ends."""

import os
import shutil
import sys
import tempfile

import pytest

_ended: list[int] = []
_certificates = tempfile.TemporaryDirectory(prefix="headroom-tests-")
os.environ["XDG_DATA_HOME"] = _certificates.name  # the certificate that a test's first movie makes


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    _ended.append(int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Leave at once where Blender was loaded: with torch beside it, its clearing up at exit may wait for ever."""
    if "bpy" not in sys.modules or not _ended:
        return
    resources = os.environ.get("BLENDER_USER_RESOURCES", "")
    if resources.startswith(tempfile.gettempdir()):
        shutil.rmtree(resources, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(_ended[-1])
