"""A recording's own sound: Import Performance plays it with the take, as the timecodes say."""

from fractions import Fraction

import numpy as np
import pytest
from stand_ins import write_speech

from addon.core.live_link import first_timecode, read_live_link
from addon.core.performance import Performance
from addon.core.recordings import aligned, movie_timecode, own_sound

CLOCK = "01:00:00:{:02d}"
FPS = 25


def write_csv(path, first=0, clock=CLOCK, seconds=2):
    """A recording that begins at a frame of a second; the jaw opens from its first to its last frame."""
    count = seconds * FPS
    rows = [f"{clock[:6]}{(first + frame) // FPS:02d}:{(first + frame) % FPS:02d}.000,{frame / count}"
            for frame in range(count)]
    path.write_text("\n".join(["Timecode,JawOpen", *rows]))
    return path


def write_mov(path, timecode=None, sound=True, seconds=1.0):
    """A movie as the app writes it beside a recording."""
    import av

    with av.open(str(path), "w") as movie:
        if timecode is not None:
            movie.metadata["timecode"] = timecode
        picture = movie.add_stream("libx264", rate=FPS)
        picture.width, picture.height, picture.pix_fmt = 64, 36, "yuv420p"
        voice = movie.add_stream("aac", rate=48000, layout="mono") if sound else None
        for _ in range(round(seconds * FPS)):
            movie.mux(picture.encode(av.VideoFrame.from_ndarray(np.full((36, 64, 3), 90, np.uint8), format="rgb24")))
        movie.mux(picture.encode())
        if voice is not None:
            hum = (np.sin(np.arange(round(seconds * 48000)) * 0.05) * 0.3).astype(np.float32)[None]
            frame = av.AudioFrame.from_ndarray(hum, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
            movie.mux(voice.encode(frame))
            movie.mux(voice.encode())
    return path


def strips(headroom):
    """File, first frame and channel of the scene's sound strips."""
    if headroom.scene.sequence_editor is None:
        return []
    compat = headroom.module("scene.compat")
    return [(headroom.module("scene.anim.strips").strip_speech(strip).name, compat.strip_span(strip)[0])
            for strip in compat.strips_of(headroom.scene) if strip.type == "SOUND"]


def summary(headroom):
    return headroom.module("ui.jobs").views()[0].message


def test_the_movie_beside_a_recording_plays_at_the_take_s_start(headroom, new_head, import_file, tmp_path):
    write_mov(tmp_path / "MySlate_3_iPhone.MOV")
    new_head.root["headroom_start_frame"] = 11
    import_file(write_csv(tmp_path / "MySlate_3_iPhone_cal.csv"))
    (take,) = new_head.root.headroom.takes
    assert new_head.speech == tmp_path / "MySlate_3_iPhone.MOV" and take.speech == str(new_head.speech)
    assert summary(headroom) == ("Imported MySlate_3_iPhone_cal.csv with the sound of MySlate_3_iPhone.MOV: "
                                 "2.0 s")
    if headroom.module("scene.compat").plays_sound():
        assert strips(headroom) == [("MySlate_3_iPhone.MOV", 11)]


def test_without_a_file_or_its_sound_or_the_option_nothing_happens(headroom, new_head, import_file, tmp_path):
    recording = write_csv(tmp_path / "take.csv")
    import_file(recording)
    assert new_head.speech is None and summary(headroom) == "Imported take.csv: 2.0 s" and not strips(headroom)
    write_speech(tmp_path / "take.wav", 2.0)
    import_file(recording, with_sound=False)
    assert new_head.speech is None and len(new_head.root.headroom.takes) == 1
    if headroom.module("scene.compat").plays_sound():
        (tmp_path / "take.wav").unlink()
        write_mov(tmp_path / "take.mov", sound=False)
        import_file(recording)
        assert new_head.speech is None and not strips(headroom)


def test_each_take_plays_its_own_sound(headroom, new_head, import_file, tmp_path):
    """The first import plays the panel's speech; the recording has its own, which follows when takes are switched."""
    headroom.scene.headroom.speech = str(write_speech(tmp_path / "studio.wav", 2.0))
    import_file(write_csv(tmp_path / "first.csv"))
    import_file(write_csv(write_speech(tmp_path / "second.wav", 2.0).with_suffix(".csv")))
    assert new_head.speech == tmp_path / "second.wav"
    new_head.root.headroom.active_take = 0
    assert new_head.speech == tmp_path / "studio.wav"
    if headroom.module("scene.compat").plays_sound():
        assert strips(headroom) == [("studio.wav", 1)]


def test_the_better_sound_of_the_same_name_is_found(tmp_path):
    assert own_sound(tmp_path / "take.csv") is None and own_sound(tmp_path / "no" / "take.csv") is None
    for name in ("take.mov", "take.wav"):
        (tmp_path / name).touch()
        assert own_sound(tmp_path / "take.csv") == tmp_path / name
    (tmp_path / "line_cal.m4a").touch()
    (tmp_path / "line.mov").touch()
    assert own_sound(tmp_path / "line_cal.csv") == tmp_path / "line_cal.m4a"
    assert own_sound(tmp_path / "line_raw.csv") == tmp_path / "line.mov"
    (tmp_path / "folder.wav").mkdir()
    assert own_sound(tmp_path / "folder.csv") is None


@pytest.mark.parametrize(("name", "timecode", "seconds"), [
    ("a.mov", "01:00:00:05", 3600.2), ("b.mp4", "23:59:59:24", 86399.96), ("c.mov", None, None)])
def test_the_timecode_of_a_movie_is_read(tmp_path, name, timecode, seconds):
    assert movie_timecode(write_mov(tmp_path / name, timecode)) == (seconds and pytest.approx(seconds))


@pytest.mark.parametrize("content", [
    b"", b"\0\0\0\1moov", b"\0\0\0\x10moov" * 3, b"\0\0\0\0moov\0\0\0\x10trak" + b"\0" * 20])
def test_other_and_damaged_files_have_no_timecode(tmp_path, content):
    (tmp_path / "x.mov").write_bytes(content)
    assert movie_timecode(tmp_path / "x.mov") is None
    whole = write_mov(tmp_path / "whole.mov", "01:00:00:00").read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "x.mov").write_bytes(whole[:length])
        assert movie_timecode(tmp_path / "x.mov") in (None, 3600.0)
    assert movie_timecode(tmp_path / "missing.mov") is None


def performance_of(path):
    fps, controls, _ = read_live_link(path, ["jawOpen"])
    return Performance(fps, np.zeros((len(controls), 64)), np.zeros((len(controls), 3)), np.zeros((len(controls), 3)),
                       controls=controls)


@pytest.mark.parametrize(("movie", "first", "at_start", "count"), [
    ("01:00:00:05", 5, [0, 0.02, 0.04], 50),  # together
    ("01:00:00:05", 8, [0, 0, 0, 0, 0.02], 53),  # the motion began three frames after the sound
    ("01:00:00:05", 2, [0.06, 0.08], 47),  # or before it
    ("01:00:30:00", 2, [0, 0.02], 50),  # another clock
    (None, 8, [0, 0.02], 50)])
def test_motion_and_sound_of_a_recording_line_up_by_their_timecodes(tmp_path, movie, first, at_start, count):
    recording = write_csv(tmp_path / "take.csv", first)
    assert first_timecode(recording) == pytest.approx(3600 + first / FPS)
    played = aligned(performance_of(recording), recording, write_mov(tmp_path / "take.mov", movie))
    assert played.controls[:len(at_start), 0] == pytest.approx(at_start, abs=1e-6)
    assert len(played) == count == len(played.rotation)


def test_a_timecode_that_begins_at_0_is_no_clock(tmp_path):
    recording = write_csv(tmp_path / "take.csv", clock="00:00:00")
    played = aligned(performance_of(recording), recording, write_mov(tmp_path / "take.mov", "00:00:01:00"))
    assert len(played) == 50


def test_midnight_between_sound_and_motion_is_no_day(tmp_path):
    recording = tmp_path / "take.csv"
    rows = [f"00:00:{frame // FPS:02d}:{frame % FPS:02d},0.5" for frame in range(1, 51)]
    recording.write_text("\n".join(["Timecode,JawOpen", *rows]))
    played = aligned(performance_of(recording), recording, write_mov(tmp_path / "take.mov", "23:59:59:24"))
    assert len(played) == 52


def test_the_take_is_shifted_in_the_panel_as_well(headroom, new_head, import_file, tmp_path):
    write_mov(tmp_path / "take.mov", "01:00:00:05")
    import_file(write_csv(tmp_path / "take.csv", 15))
    jaw = new_head.face.data.shape_keys.key_blocks["jawOpen"]
    for frame, value in ((1, 0), (11, 0), (36, 0.5)):
        new_head.scene.frame_set(frame)
        assert jaw.value == pytest.approx(value, abs=0.015)
