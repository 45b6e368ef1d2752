"""Other rates, odd sizes, and a face that reaches the corner of the frame."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from headroom import pipeline
from headroom.common.paths import shipped_file
from headroom.common.settings import LearnSettings, MatchSettings
from headroom.media.audio import read_audio, write_wav
from headroom.media.video import probe, read_frames
from headroom.subject.folder import Subject

NTSC = 30000 / 1001


@pytest.fixture(scope="module")
def corner(quick, tmp_path_factory):
    """(clip, subject): three seconds at 29.97 fps, 391 x 403 pixels, the person's chin and cheek at the border."""
    folder = tmp_path_factory.mktemp("corner")
    clip = folder / "corner clip.mkv"
    write_odd(clip, [frame[:403, :391] for frame in read_frames(shipped_file("samples", "sample.mp4"), 0, 3, fps=NTSC)])
    pipeline.learn(clip, folder / "subject", LearnSettings(consent="synthetic person"))
    return clip, folder / "subject"


def write_odd(path, frames):
    """An H.264 movie of odd size, which only unsubsampled colours allow, with the sample's sound."""
    with av.open(str(path), "w") as movie:
        picture = movie.add_stream("libx264", rate=Fraction(30000, 1001), options={"crf": "14"})
        picture.height, picture.width, picture.pix_fmt = *frames[0].shape[:2], "yuv444p"
        sound = movie.add_stream("pcm_s16le", rate=16000, layout="mono")
        for frame in frames:
            movie.mux(picture.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        movie.mux(picture.encode(None))
        samples = read_audio(shipped_file("samples", "sample.mp4"), to_seconds=len(frames) / NTSC)
        heard = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        heard.sample_rate = 16000
        movie.mux(sound.encode(heard))
        movie.mux(sound.encode(None))


def test_the_track_keeps_the_clip_s_rate_and_covers_every_frame(corner):
    clip, subject = corner
    track = Subject.open(subject).track
    assert np.isclose(track.fps, NTSC) and len(track) == probe(clip).frames
    assert (track.confidence > 0).mean() > 0.95
    crop = track.crop
    assert crop.x + crop.size > track.camera.width or crop.y + crop.size > track.camera.height, "the test's premise"


def test_composites_have_the_clip_s_size_and_leave_the_rest_alone(corner, tmp_path):
    _, folder = corner
    subject = Subject.open(folder)
    write_wav(tmp_path / "speech.wav", read_audio(shipped_file("samples", "speech.wav"), to_seconds=1.0))
    performance, _ = pipeline.perform(folder, tmp_path / "speech.wav")
    motion = performance.resampled(subject.track.fps)
    assert len(motion) == 30
    found = pipeline.match_plates(folder, motion.pose, MatchSettings(plate_fit=1.0))
    renders = pipeline.render_crops(folder, replace(motion, rotation=found.rotation, translation=found.translation))
    plates = list(read_frames(subject.plates_path))
    for number, composite in enumerate(pipeline.refined_frames(folder, renders, found)):
        frame = composite.frame
        assert frame.shape == (403, 391, 3)
        plate = plates[found.plate[number]][:403, :391]
        changed = np.abs(frame.astype(int) - plate).max(2) > 12
        assert changed[200:330, 120:340].any(), "the face is the plate's"
        assert changed[:30].mean() < 0.02, "the background is not the plate's"
