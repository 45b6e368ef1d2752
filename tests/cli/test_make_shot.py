"""Making a shot in Blender: arguments, progress, the result and failures.

A small program runs in place of Blender; tests/addon and the end-to-end test run the real one.
"""

import json
import os
import stat

import numpy as np
import pytest
from scripts import PYTHON

from headroom.cli import blender, shot
from headroom.common.errors import Cancelled, HeadroomError, InputError
from headroom.common.progress import no_progress
from headroom.common.settings import MatchSettings, PerformSettings
from headroom.face.performance import Performance

PRELUDE = PYTHON + """
import json, os, sys, time
arguments = sys.argv[sys.argv.index("--") + 1:]
def progress(fraction, message):
    print(json.dumps(dict(fraction=fraction, message=message)), file=sys.stderr, flush=True)
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """A function that makes `shot.make_shot` run a program's text in place of Blender, without a real server."""

    def use(text):
        program = tmp_path / "blender"
        program.write_text(PRELUDE + text)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("HEADROOM_BLENDER", str(program))
        return program

    class Server:
        url, token = "http://127.0.0.1:1", "secret"

        def __enter__(self):
            return self

        def __exit__(self, *error):
            Server.stopped = True

    Server.stopped = False
    monkeypatch.setattr(blender, "local_server", Server)
    monkeypatch.setattr(shot, "require_usable", lambda subject, speech, options: None)
    use.server = Server
    return use


def make_shot(tmp_path, progress=no_progress, **options):
    return shot.make_shot(tmp_path / "subject", tmp_path / "speech.wav", tmp_path / "shot.mp4",
                          shot.ShotOptions(**options), progress)


def test_arguments_go_in_progress_and_the_result_come_out(tmp_path, stand_in):
    stand_in(f"""
print("Blender says hello")
progress(0.25, "Rendering")
print("noise", file=sys.stderr)
print(json.dumps(dict(fraction=0.5)), file=sys.stderr)
json.dump([arguments, os.environ["HEADROOM_TOKEN"]], open({str(tmp_path / "given.json")!r}, "w"))
print(json.dumps(dict(frames=3, notes=["A note."])))
print("Blender quit")
""")
    steps = []
    result = make_shot(tmp_path, lambda *step: steps.append(step), blend=tmp_path / "shot.blend",
                       performance=tmp_path / "p.npz", perform=PerformSettings(seed=4),
                       match=MatchSettings(plate_fit=0.5), key_error=0.0)
    assert result == shot.ShotResult(3, ["A note."])
    arguments, token = json.loads((tmp_path / "given.json").read_text())
    assert token == "secret"
    assert arguments == [
        "shot", "--subject", str(tmp_path / "subject"), "--speech", str(tmp_path / "speech.wav"),
        "--output", str(tmp_path / "shot.mp4"), "--seed", "4", "--plate-fit", "0.5", "--key-error", "0.0",
        "--engine", "auto",
        "--blend", str(tmp_path / "shot.blend"), "--performance", str(tmp_path / "p.npz"),
        "--url", "http://127.0.0.1:1"]
    assert (0.25, "Rendering") in steps
    assert stand_in.server.stopped


def test_a_performance_is_mirrored_and_nothing_else(tmp_path, stand_in):
    stand_in('print(json.dumps(dict(frames=1, notes=arguments)))')
    assert "--mirror" in make_shot(tmp_path, performance=tmp_path / "p.csv", mirror=True).notes
    with pytest.raises(InputError, match="Only a performance from a file is mirrored"):
        make_shot(tmp_path, mirror=True)


def test_blender_is_told_of_the_audio_track_and_the_transcript(tmp_path, stand_in):
    stand_in("""
text = open(arguments[arguments.index("--transcript") + 1], encoding="utf-8").read()
print(json.dumps(dict(frames=1, notes=[*arguments, text])))
""")
    words = make_shot(tmp_path, perform=PerformSettings(audio_track=2, transcript="Grüße, Anna.")).notes
    assert words[words.index("--audio-track") + 1] == "2" and words[-1] == "Grüße, Anna."
    with pytest.raises(InputError, match="--transcript change a prediction"):
        make_shot(tmp_path, perform=PerformSettings(transcript="Hello"), performance=tmp_path / "p.npz")


def test_controls_change_a_prediction_that_blender_is_given(tmp_path, stand_in, monkeypatch):
    passed = []

    def perform(subject, speech, settings, controls):
        passed.append((settings, controls))
        pose = np.full((2, 3), 7, np.float32)
        return Performance(25.0, np.zeros((2, 64), np.float32), pose, pose), []

    monkeypatch.setattr("headroom.pipeline.perform", perform)
    stand_in("""
path = arguments[arguments.index("--performance") + 1]
print(json.dumps(dict(frames=os.path.getsize(path))))
""")
    settings = PerformSettings(seed=3, pose="replayed")
    assert make_shot(tmp_path, perform=settings, controls=("head.hold=1",)).frames > 500
    assert make_shot(tmp_path, perform=settings).frames > 500
    assert passed == [(settings, ("head.hold=1",)), (settings, ())]
    with pytest.raises(InputError, match="--control, --pose and --transcript change a prediction"):
        make_shot(tmp_path, performance=tmp_path / "p.npz", controls=("head.hold=1",))


def test_the_other_people_of_a_shot_are_passed_on_and_predicted_by_blender(tmp_path, stand_in):
    stand_in(f"""
json.dump(arguments, open({str(tmp_path / "given.json")!r}, "w"))
print(json.dumps(dict(frames=3)))
""")
    people = ((tmp_path / "ben", tmp_path / "ben.wav"), (tmp_path / "cleo", tmp_path / "cleo.wav"))
    assert make_shot(tmp_path, people=people, perform=PerformSettings(pose="replayed")).frames == 3
    given = json.loads((tmp_path / "given.json").read_text())
    first = given.index("--with")
    assert given[first - 2:] == ["--pose", "replayed", "--with", f"{tmp_path}/ben={tmp_path}/ben.wav",
                                 "--with", f"{tmp_path}/cleo={tmp_path}/cleo.wav", "--url", stand_in.server.url]
    for changes in ({"controls": ("head.hold=1",)}, {"performance": tmp_path / "p.npz"}):
        with pytest.raises(InputError, match="--performance and --transcript are for one person, and --with"):
            make_shot(tmp_path, people=people, **changes)


@pytest.mark.parametrize("text,kind,words", [
    ("print('x.wav is silent; choose another.', file=sys.stderr); sys.exit(2)", InputError, "^x.wav is silent"),
    ("print('Unexpected error: KeyError. See the log.', file=sys.stderr); sys.exit(2)", HeadroomError, "KeyError"),
    ("sys.exit(130)", Cancelled, "Stopped"),
    ("print('ImportError: libXi.so.6: cannot open shared object file: No such file', file=sys.stderr); sys.exit(1)",
     HeadroomError, "apt install libxi6"),
    ("print('RuntimeError: boom', file=sys.stderr); sys.exit(1)", HeadroomError, "Blender failed: RuntimeError: boom"),
    ("os.kill(os.getpid(), 9)", blender.BlenderKilled, "SIGKILL"),
    ("print('no result')", HeadroomError, "Blender failed: it left no message"),
])
def test_failures_are_one_sentence_and_the_server_is_stopped(tmp_path, stand_in, text, kind, words):
    stand_in(text)
    with pytest.raises(kind, match=words) as caught:
        make_shot(tmp_path)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert stand_in.server.stopped


def test_an_interruption_ends_blender_after_it_has_cleaned_up(tmp_path, stand_in, capfd):
    stand_in(f"""
import signal
signal.signal(signal.SIGTERM, lambda *_: (open({str(tmp_path / "cleaned up")!r}, "w").close(), sys.exit(130)))
open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
progress(0.5, "Rendering")
time.sleep(60)
""")

    def interrupt(fraction, message):
        if message == "Rendering":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_shot(tmp_path, interrupt)
    assert (tmp_path / "cleaned up").exists()
    assert stand_in.server.stopped
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert "Traceback" not in capfd.readouterr().err, "the thread that reads Blender's stdout"


def test_much_output_does_not_block(tmp_path, stand_in):
    stand_in("""
for _ in range(3000):
    print("x" * 200)
    print("y" * 200, file=sys.stderr)
print(json.dumps(dict(frames=1, notes=[])))
""")
    assert make_shot(tmp_path).frames == 1
