"""The ending of a movie decides its container and its codecs; pictures and alpha are kept."""

import zipfile

import av
import cv2
import numpy as np
import pytest

from addon.core.errors import InputError as AddonInputError
from addon.core.movie_output import MOVIE_ENDINGS, MovieOutput
from headroom.common.errors import InputError
from headroom.common.outputs import require_movie
from headroom.media.audio import read_audio, write_wav
from headroom.media.containers import FORMATS
from headroom.media.credentials.provenance import Provenance
from headroom.media.image import read_picture
from headroom.media.picture_sequence import PictureSequenceWriter
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import MovieOptions, VideoWriter, probe, read_frames
from headroom.plate.composite import Crop, with_alpha

CODECS = {".mp4": ["h264", "aac"], ".mov": ["h264", "aac"], ".mkv": ["h264", "aac"], ".webm": ["vp9", "opus"]}


@pytest.fixture(scope="module")
def frames():
    random = np.random.default_rng(0)
    return [cv2.resize(random.integers(0, 255, (3, 4, 3), np.uint8), (64, 48), interpolation=cv2.INTER_CUBIC)
            for _ in range(10)]


@pytest.fixture(scope="module")
def tone(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "tone.wav"
    write_wav(path, 0.3 * np.sin(2 * np.pi * 300 * np.arange(16000) / 16000))
    return path


@pytest.mark.parametrize("ending", CODECS)
def test_an_ending_has_codecs_that_belong_there_and_keeps_pictures_and_sound(tmp_path, frames, tone, ending):
    path = tmp_path / f"movie{ending}"
    with VideoWriter(path, 25.0, 64, 48, sound=SoundtrackSource(tone)) as movie:
        movie.write_all(frames)
    with av.open(str(path)) as container:
        assert [stream.codec_context.name.removeprefix("lib") for stream in container.streams] == CODECS[ending]
        assert container.streams.video[0].codec_context.color_primaries == 1  # BT.709
    assert (probe(path).fps, probe(path).frames) == (25.0, 10)
    assert np.abs(np.array(list(read_frames(path)), float) - np.array(frames, float)).mean() < 5
    assert np.abs(read_audio(path, 16000)[2000:5000]).max() == pytest.approx(0.3, abs=0.02)


def test_a_movie_with_alpha_is_prores_4444_and_keeps_it(tmp_path, frames, tone):
    with_ramp = [np.dstack([frame, np.full((48, 64), 25 * number, np.uint8)]) for number, frame in enumerate(frames)]
    with VideoWriter(tmp_path / "face.mov", 25.0, 64, 48, sound=SoundtrackSource(tone),
                     options=MovieOptions(has_alpha=True)) as movie:
        movie.write_all(with_ramp)
    with av.open(str(tmp_path / "face.mov")) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["prores", "pcm_s16le"]
        read = np.array([frame.to_ndarray(format="rgba") for frame in container.decode(video=0)], float)
    assert np.abs(read - with_ramp).mean((0, 1, 2)).max() < 2
    with pytest.raises(ValueError, match=r"\.mp4 has no alpha"):
        VideoWriter(tmp_path / "face.mp4", 25.0, 64, 48, options=MovieOptions(has_alpha=True))


@pytest.mark.parametrize("ending", [".mkv", ".webm"])
def test_a_container_that_cannot_carry_content_credentials_says_so(tmp_path, frames, ending):
    options = MovieOptions(provenance=Provenance("Robin", ()))
    with VideoWriter(tmp_path / f"movie{ending}", 25.0, 64, 48, options=options) as movie:
        movie.write_all(frames[:2])
    assert movie.notes == [f"Files that end in {ending} cannot carry content credentials; use .mp4, .mov or .png."]


def test_a_sequence_of_pictures_is_exact_and_unpacked_with_the_numbers_of_its_frames(tmp_path, frames):
    with PictureSequenceWriter(tmp_path / "movie.zip") as pictures:
        for frame in frames[:3]:
            pictures.write(frame)
    folder, names = tmp_path / "new", ["shot.1001.png", "shot.1002.png", "shot.1003.png"]
    MovieOutput(folder / "shot.####.png").unpack(tmp_path / "movie.zip", 1001)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert all((read_picture(folder / name) == frame).all() for name, frame in zip(names, frames))


def test_a_sequence_that_the_disk_cannot_hold_leaves_no_picture(tmp_path, frames, monkeypatch):
    with PictureSequenceWriter(tmp_path / "movie.zip") as pictures:
        pictures.write(frames[0])

    def extract(archive, folder, names):
        (folder / names[0]).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", extract)
    with pytest.raises(AddonInputError, match=r"Cannot write .*shot\.#\.png: No space left on device"):
        MovieOutput(tmp_path / "new" / "shot.#.png").unpack(tmp_path / "movie.zip", 1)
    assert list((tmp_path / "new").iterdir()) == []


def test_each_picture_of_a_sequence_has_its_content_credentials(tmp_path, frames):
    with PictureSequenceWriter(tmp_path / "movie.zip", Provenance("Robin", ())) as pictures:
        pictures.write(frames[0])
    with zipfile.ZipFile(tmp_path / "movie.zip") as archive:
        assert b"c2pa" in archive.read("000000.png")


def test_the_alpha_of_a_face_lies_where_its_crop_does():
    frame = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    mask = cv2.GaussianBlur(np.pad(np.ones((8, 8), np.float32), 4), (0, 0), 1)
    layer = with_alpha(frame, Crop(50, 10, 32), mask)  # the crop's right part is outside of the frame
    assert (layer[..., :3] == frame).all()
    assert layer[26, 63, 3] > 240 and layer[0, 0, 3] == layer[26, 51, 3] == layer[11, 63, 3] == 0


@pytest.mark.parametrize(("name", "layer", "words"), [
    ("shot.avi", "frame", r"must end in \.mp4, \.mov, \.mkv, \.webm, \.png"),
    ("shot", "frame", "must end in"),
    ("face.mp4", "face", r"must end in \.mov, \.png"),
    ("shot.png", "frame", r"shot\.png has no # in its name, where the number of each frame goes; choose a"),
])
def test_other_endings_are_refused_on_both_sides_before_any_work(tmp_path, name, layer, words):
    with pytest.raises(InputError, match=words):
        require_movie(tmp_path / name, layer)
    with pytest.raises(AddonInputError, match=words):
        MovieOutput(tmp_path / name, layer).require_writable([])


def test_both_sides_know_the_same_endings(tmp_path):
    assert tuple(FORMATS) == MOVIE_ENDINGS
    for name in (*(f"a{ending}" for ending in MOVIE_ENDINGS), "a.##.png"):
        require_movie(tmp_path / name, "frame")
        MovieOutput(tmp_path / name).require_writable([])
