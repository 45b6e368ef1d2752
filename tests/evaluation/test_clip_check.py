"""`headroom check` tells what is wrong with a clip, and nothing about a good one."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from headroom.cli.commands.measure import _people_notes
from headroom.common.errors import InputError
from headroom.evaluation import clip_check
from headroom.evaluation.clip_check import CheckFigures, check_clip, picture_notes
from headroom.evaluation.clip_frames import RATE, ClipFrames, find_cuts, look_at
from headroom.evaluation.contact_sheet import contact_sheet, numbered_sheet
from headroom.media.soundtrack import SoundtrackSource
from headroom.media.video import VideoInfo, VideoWriter, probe, read_frames
from headroom.subject.clip import learned_part
from headroom.subject.clip_person import find_in_clip
from headroom.track.landmarks.detect import Landmarks
from headroom.track.landmarks.face_view import FaceView, view_notes
from headroom.track.landmarks.people import SeveralPeople

SAMPLE = Path(__file__).resolve().parents[2] / "samples" / "sample.mp4"
GOOD = CheckFigures(seconds=(0.0, 12.0), usable_seconds=12.0, best_seconds=(0.0, 12.0), face=1.0, faces=1, size=250.0,
                    yaw=(-8.0, 9.0), light=(120.0, 1.2), offset_seconds=0.02, cuts=(), blurred=0.0)
VIDEO = VideoInfo(640, 480, 25.0, 300, has_audio=True)


@pytest.fixture(scope="module")
def sample():
    """The check of three seconds of the sample."""
    return check_clip(SAMPLE, 0.0, 3.0)


def all_notes(sample, **changes) -> str:
    """Return the warnings about a good clip with other figures."""
    figures = replace(GOOD, **changes)
    return " ".join([*picture_notes(figures, sample.frames), *clip_check._clip_notes(figures, VIDEO)])


def test_a_good_clip_has_no_warning_and_its_figures_are_right(sample):
    figures = sample.figures
    assert sample.warnings == []
    assert figures.usable_seconds == pytest.approx(3.0, abs=0.1) and figures.face == 1.0 and figures.faces == 1
    assert figures.cuts == () and figures.blurred == 0.0
    assert 150 < figures.size < 400 and -25 < figures.yaw[0] <= figures.yaw[1] < 25
    assert 40 < figures.light[0] < 225 and 1 <= figures.light[1] < 2.5


@pytest.mark.parametrize(("changes", "words"), [
    ({"light": (20.0, 1.0)}, "The face is too dark. Change light or exposure."),
    ({"light": (240.0, 1.0)}, "The face is too bright. Change light or exposure."),
    ({"light": (90.0, 3.0)}, "One side of the face is much darker than the other. Use soft light from the front."),
    ({"blurred": 0.4}, "The face is blurred in 40 % of the frames. Use a shorter exposure."),
    ({"yaw": (40.0, 60.0)}, "The head is turned away from the camera. Film the person from the front."),
    ({"yaw": (-60.0, -40.0)}, "The head is turned away from the camera"),
    ({"cuts": (3.0, 7.5), "best_seconds": (7.5, 12.0)},
     "The picture changes at once at 3.0, 7.5 s, as at a cut. The best part is from 7.5 to 12.0 s"),
    ({"usable_seconds": 1.1}, "Only 1.1 s are usable. Learning needs 2 s"),
    ({"offset_seconds": -0.2}, "The sound is 200 ms earlier than the lips. Learning corrects that"),
    ({"offset_seconds": 0.2}, "The sound is 200 ms later than the lips"),
    ({"offset_seconds": -0.08}, "The sound is 80 ms earlier than the lips"),
    ({"light": None, "yaw": None, "size": None}, "No face is found in most of the frames. Choose a clip where"),
])
def test_each_fault_is_a_sentence(sample, changes, words):
    assert words in all_notes(sample, **changes)


def test_the_command_line_asks_for_one_of_several_people():
    assert _people_notes(3, face=0) == [
        "3 people are seen. Choose one with --face; the contact sheet of --output numbers them."]
    assert _people_notes(3, face=2) == []
    assert _people_notes(1, face=0) == []


@pytest.mark.parametrize("changes", [{}, {"offset_seconds": None}, {"offset_seconds": 0.165},
                                     {"offset_seconds": -0.065}, {"yaw": (-30.0, 30.0)},
                                     {"light": (60.0, 1.8)}, {"usable_seconds": 3.0}])
def test_what_is_in_order_is_not_mentioned(sample, changes):
    assert all_notes(sample, **changes) == ""


def test_missing_pictures_are_mentioned_when_they_are_many():
    notes = clip_check._clip_notes(GOOD, replace(VIDEO, held=90))
    assert notes == ["30 % of the pictures are missing. Export the clip again at the rate at which it was filmed."]
    assert clip_check._clip_notes(GOOD, replace(VIDEO, held=3)) == []


def seen(points, width=640, height=480):
    """Return what is said about landmarks in a picture of a size."""
    return view_notes(FaceView.of(points, width, height))


def test_a_small_face_one_at_the_edge_and_one_upside_down_are_mentioned(sample):
    points = sample.frames.landmarks.points * sample.frames.scale
    height, width = (side * sample.frames.scale for side in sample.frames.pictures[0].shape[:2])
    assert seen(points, width, height) == []
    assert "pixels high from brows to chin; with less than 150" in seen(points * 0.4, width, height)[0]
    middle = points[:, :, 0].mean()
    for shift in (-middle, width - middle):
        (note,) = seen(points + np.array([shift, 0, 0], np.float32), width, height)
        assert note == "The face is partly outside the picture. Choose another part of the clip."
    turned = np.array([width, height, 0], np.float32) + points * np.array([-1, -1, 1], np.float32)
    assert seen(turned, width, height) == ["The face is upside down. Turn the clip."]


def test_size_yaw_and_roll_follow_the_head(sample):
    points = sample.frames.landmarks.points.astype(np.float64)
    straight = FaceView.of(points, 4000, 4000)
    assert FaceView.of(points * 2, 4000, 4000).size == pytest.approx(straight.size * 2)
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    assert np.nanmedian(FaceView.of(points @ turn, 4000, 4000).yaw - straight.yaw) == pytest.approx(20, abs=1)
    lean = np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    assert np.nanmedian(FaceView.of(points @ lean, 4000, 4000).roll - straight.roll) == pytest.approx(20, abs=1)


def test_cuts_are_found_and_a_moving_camera_is_none(sample):
    first = sample.frames.pictures[:12]
    other = [255 - picture for picture in first]
    assert find_cuts([*first, *other, *first]) == [12, 24]
    wide = cv2.resize(first[0], None, fx=2, fy=2)
    height, width = first[0].shape[:2]
    panned = [wide[:height, 6 * step:6 * step + width] for step in range(30)]
    assert find_cuts(panned) == [] and find_cuts(first[:1]) == []


def test_the_best_part_lies_between_cuts_and_blurred_frames_are_not_usable(sample):
    frames = sample.frames
    count = len(frames.pictures)
    sharpness = frames.sharpness.copy()
    sharpness[:10] *= 0.1
    cut = replace(frames, cuts=[20], sharpness=sharpness)
    assert cut.best_part() == ((20, count) if count - 20 > 10 else (0, 20))
    assert not cut.usable[:10].any() and cut.usable[10:].all()


def test_a_photo_is_not_checked(tmp_path):
    cv2.imwrite(str(tmp_path / "portrait.png"), np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="is a photo, and only clips are checked; choose a clip, or learn the photo"):
        check_clip(tmp_path / "portrait.png")


def test_the_contact_sheet_shows_frames_in_green_and_red(sample):
    frames = sample.frames
    sharpness = np.where(np.arange(len(frames.sharpness)) < 5, 0.01, frames.sharpness)
    sheet = contact_sheet(replace(frames, sharpness=sharpness), 2.0)
    assert sheet.dtype == np.uint8 and sheet.shape[1] == 4 * 328 + 8
    red, green = sheet[9, 20].astype(int), sheet[9, 2 * 328 + 20].astype(int)
    assert red[0] > red[1] + 50 and green[1] > green[0] + 50


def no_face(count=20):
    """Return frames in which nothing was found."""
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    points = np.full((count, 478, 3), np.nan, np.float32)
    nothing = np.full(count, np.nan)
    return ClipFrames([noise] * count, 1.0, Landmarks(points, 0), FaceView.of(points, 64, 48),
                      np.full((count, 3), np.nan), nothing, [])


def test_frames_without_a_face_are_of_no_use():
    frames = no_face()
    assert not frames.usable.any() and not frames.blurred.any() and contact_sheet(frames, 0.0).ndim == 3


def write_grey(path, sound=None):
    """Write a second without a face; sound (N,) at 16 kHz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=16000, layout="mono") if sound is not None else None
        for index in range(25):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate = 16000
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def test_the_command_warns_with_exit_code_0_and_refuses_what_is_no_clip(tmp_path, capsys, monkeypatch):
    from headroom.cli import app

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["headroom", "check", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            app.main()
        return caught.value.code, capsys.readouterr()

    code, text = run(write_grey(tmp_path / "grey.mkv"), "-o", tmp_path / "sheet.png")
    assert code == 0 and (tmp_path / "sheet.png").is_file()
    printed = " ".join(text.out.split())
    assert "No face is found in most of the frames" in printed
    assert "The clip has no sound, from which the way of speaking is learned." in printed
    code, text = run(write_grey(tmp_path / "silent.mkv", np.zeros(16000)))
    assert code == 0 and "The sound of the clip is silent. Choose a clip" in " ".join(text.out.split())
    code, text = run(tmp_path / "grey.mkv", "--from", 0.95)
    assert code == 2 and "s of the clip to check; choose a longer part" in text.err
    assert run(tmp_path / "nothing.mp4")[0] == 2


def test_frames_are_reduced_but_measured_in_the_clip(sample):
    large = [cv2.resize(picture, None, fx=2, fy=2) for picture in sample.frames.pictures[:6]]
    frames = look_at(large, lambda fraction, message: None)
    assert max(frames.pictures[0].shape) <= 720 and len(frames.pictures) == 6
    expected = np.nanmedian(sample.frames.view.size[:6]) * 2 / sample.frames.scale
    assert np.nanmedian(frames.view.size) == pytest.approx(expected, rel=0.1)
    assert RATE * 2 == 25


@pytest.fixture(scope="module")
def interview(tmp_path_factory):
    """Two people of half a minute; a third, on the left, joins them after 25 seconds. The others are still."""
    alone = [cv2.resize(frame[:, :frame.shape[0]], (192, 192), interpolation=cv2.INTER_AREA)
             for frame in read_frames(SAMPLE, 0.0, 4.0, 5.0)]
    tints = [1.0, 0.3, 0.5], [1.0, 1.0, 1.0], [0.55, 0.75, 1.0]
    path = tmp_path_factory.mktemp("clip") / "three.mp4"
    with VideoWriter(path, 5.0, 3 * 192, 192, sound=SoundtrackSource(SAMPLE)) as movie:
        for number in range(150):
            picture = alone[number % len(alone)]
            people = [np.clip(picture[:, ::-1] * tint, 0, 255).astype(np.uint8) for tint in tints]
            people[0] = people[0] if number >= 125 else np.full_like(picture, 90)
            movie.write(np.concatenate(people, axis=1))
    return path


def test_the_numbers_are_those_of_learning_although_less_of_the_clip_is_looked_at(interview):
    check = check_clip(interview)
    part = learned_part(probe(interview), None, None)
    with pytest.raises(SeveralPeople) as learning:
        find_in_clip(interview, part)
    assert check.figures.faces == len(learning.value.people.persons) == 3
    assert check.figures.seconds == pytest.approx((0.0, 24.0))
    for shown, learned in zip(check.people.persons, learning.value.people.persons):
        assert np.array_equal(shown.boxes, learned.boxes, equal_nan=True)
    sheet = numbered_sheet(check)  # the third is in none of its frames
    assert sheet.shape[0] > contact_sheet(check.frames, 0.0).shape[0] + 150


def test_a_chosen_person_is_looked_at_from_where_they_are_seen(interview):
    check = check_clip(interview, face=1)
    assert check.figures.seconds == pytest.approx((25.2, 30.0), abs=0.5) and check.figures.face > 0.9
    assert np.nanmax(check.frames.landmarks.points[..., 0]) * check.frames.scale < 192
