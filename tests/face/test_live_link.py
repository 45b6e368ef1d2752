"""Live Link Face CSV: columns as the app has them, signs as a picture of the head shows them, and round trips."""

import csv

import numpy as np
import pytest

from headroom.common.errors import InputError
from headroom.face.camera import Camera, Crop, pose_vertices
from headroom.face.controls.live_link import read_live_link, write_live_link
from headroom.face.controls.names import CONTROL_NAMES
from headroom.face.controls.track import ControlTrack
from headroom.face.light import AMBIENT
from headroom.face.model import bundled_model
from headroom.face.raster import Rasterizer

APP_HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,"
    "MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,"
    "MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,"
    "BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll")
CAMERA, CROP, SIZE = Camera(1000, 640, 480), Crop(110, 30, 420), 210
NOSE, UNDER_THE_EYES = 1, (50, 280)


@pytest.fixture
def track():
    rng = np.random.default_rng(0)
    return ControlTrack(25.0, rng.uniform(size=(70, 52)).astype(np.float32),
                        rng.normal(0, 0.3, (70, 3)).astype(np.float32))


def written(track, path):
    """A file as a list of rows, name -> text."""
    write_live_link(track, path)
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def recording(path, **columns):
    """A file of the app with 70 frames at 60 fps, in which some columns have a constant value and others are 0."""
    lines = [APP_HEADER]
    for frame in range(30, 100):
        values = {"Timecode": f"13:13:{4 + frame // 60:02d}:{frame % 60:02d}.652", "BlendShapeCount": "61", **columns}
        lines.append(",".join(values.get(name, "0.0000000000") for name in APP_HEADER.split(",")))
    path.write_text("\n".join(lines) + "\n")
    return path


def spots(rotation):
    """The nose and the cheeks, red, green and blue, in a picture of the head: (x to the right, y down) of each."""
    model = bundled_model()
    albedo = np.full((512, 512, 3), 40, np.uint8)
    raster = Rasterizer(model, CAMERA, CROP, SIZE)
    for channel, landmark in enumerate((NOSE, *UNDER_THE_EYES)):
        u, v = model.uv[model.vertex_of(landmark)]
        rows, columns = np.mgrid[:512, :512]
        albedo[(columns - u * 512) ** 2 + (rows - (1 - v) * 512) ** 2 < 64, channel] = 255
    raster.set_appearance(albedo, AMBIENT)
    picture = raster.render(pose_vertices(model.mean, rotation, np.array([0, 0, -600.0])))
    found = [np.argwhere(picture[..., channel] > 150).mean(0)[::-1] for channel in range(3)]
    return np.array(found)


def test_the_columns_are_those_of_the_app(track, tmp_path):
    rows = written(track, tmp_path / "take.csv")
    assert (tmp_path / "take.csv").read_text().splitlines()[0] == APP_HEADER
    assert len(rows) == 70 and {row["BlendShapeCount"] for row in rows} == {"61"}
    assert [row["Timecode"] for row in rows[:2] + rows[25:26]] == [
        "00:00:00:00.000", "00:00:00:01.000", "00:00:01:00.000"]
    assert all(len(row["JawOpen"].partition(".")[2]) == 10 for row in rows)
    for number, name in enumerate(CONTROL_NAMES):
        column = name[0].upper() + name[1:]
        assert [float(row[column]) for row in rows] == pytest.approx(track.controls[:, number], abs=1e-9), name


@pytest.mark.parametrize(("column", "point", "axis", "sign"), [
    ("HeadYaw", NOSE, 0, -1),  # turned to the person's right, which is on the left of the picture
    ("HeadPitch", NOSE, 1, -1),  # lifted: the nose goes up
])
def test_a_turned_or_lifted_head_shows_the_sign(tmp_path, column, point, axis, sign):
    rotation = read_live_link(recording(tmp_path / "take.csv", **{column: "0.3"})).rotation[0]
    moved = spots(rotation)[0] - spots(np.zeros(3))[0]
    assert moved[axis] * sign > 10 and abs(moved[1 - axis]) < 5


def test_a_tilted_head_shows_the_sign(tmp_path):
    """HeadRoll tilts the head to the person's right shoulder: the cheek on the left of the picture goes down."""
    rotation = read_live_link(recording(tmp_path / "take.csv", HeadRoll="0.3")).rotation[0]
    _, right, left = spots(rotation)
    assert right[0] < left[0] and right[1] - left[1] > 10


def test_a_written_head_has_the_signs_that_are_read(tmp_path):
    still = np.zeros((60, 52), np.float32)
    for number, column, sign in ((1, "HeadYaw", -1), (0, "HeadPitch", -1), (2, "HeadRoll", 1)):
        rotation = np.zeros((60, 3), np.float32)
        rotation[:, number] = 0.25  # model axes: looks down, to the person's left, tilts to the right
        rows = written(ControlTrack(25.0, still, rotation), tmp_path / "take.csv")
        angles = {name: float(rows[0][name]) for name in ("HeadYaw", "HeadPitch", "HeadRoll")}
        assert angles == pytest.approx({**dict.fromkeys(angles, 0.0), column: 0.25 * sign}, abs=1e-7)


def test_eyes_that_look_left_and_up_have_the_app_s_signs(tmp_path):
    """In recordings of the app, LeftEyeYaw falls with EyeLookOutLeft, and LeftEyePitch with EyeLookUpLeft."""
    controls = np.zeros((60, 52), np.float32)
    for name in ("eyeLookOutLeft", "eyeLookInRight", "eyeLookUpLeft", "eyeLookUpRight"):
        controls[:, CONTROL_NAMES.index(name)] = 0.5
    row = written(ControlTrack(25.0, controls), tmp_path / "take.csv")[0]
    for side in ("Left", "Right"):
        assert float(row[f"{side}EyeYaw"]) == pytest.approx(np.radians(-15))
        assert float(row[f"{side}EyePitch"]) == pytest.approx(np.radians(-15))
        assert float(row[f"{side}EyeRoll"]) == 0


@pytest.mark.parametrize(("fps", "tolerance"), [(25.0, 1e-6), (60.0, 1e-6), (30 / 1.001, 2e-3)])
def test_what_is_written_is_read(track, tmp_path, fps, tolerance):
    write_live_link(ControlTrack(fps, track.controls, track.rotation), tmp_path / "take.csv")
    read = read_live_link(tmp_path / "take.csv")
    assert read.fps == pytest.approx(fps, abs=1e-3) and read.translation is None and read.phones is None
    assert read.controls == pytest.approx(track.controls, abs=tolerance)
    assert read.rotation == pytest.approx(track.rotation, abs=tolerance)


def test_columns_are_found_by_name_in_any_order_and_case(track, tmp_path):
    rows = written(track, tmp_path / "take.csv")
    names = sorted(rows[0], reverse=True)
    lines = [",".join(name.lower() for name in names), *(",".join(row[name] for name in names) for row in rows)]
    (tmp_path / "other.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    assert read_live_link(tmp_path / "other.csv").controls == pytest.approx(track.controls, abs=1e-6)


def test_the_rate_is_read_from_the_timecode(tmp_path):
    assert read_live_link(recording(tmp_path / "take.csv")).fps == 60
    every_second = (tmp_path / "take.csv").read_text().splitlines()
    (tmp_path / "half.csv").write_text("\n".join([every_second[0], *every_second[1::2]]))
    assert read_live_link(tmp_path / "half.csv").fps == 30


def test_frames_that_are_missing_or_without_a_face_are_interpolated(tmp_path):
    lines = recording(tmp_path / "take.csv", JawOpen="0.5").read_text().splitlines()
    lines[10:14] = []
    lines[20] = ",".join(lines[20].split(",")[:2])
    lines[30] = lines[30].replace(",61,", ",0,").replace("0.5", "0.0")
    (tmp_path / "gaps.csv").write_text("\n".join(lines))
    read = read_live_link(tmp_path / "gaps.csv")
    assert len(read.controls) == 70 and read.controls[:, CONTROL_NAMES.index("jawOpen")] == pytest.approx(0.5)


def test_a_file_without_head_motion_has_no_rotation(tmp_path):
    assert read_live_link(recording(tmp_path / "take.csv")).rotation is None


@pytest.mark.parametrize("content", [
    "", "a,b\n1,2\n", APP_HEADER, "Timecode,JawOpen\n00:00:00:01,0.1\n00:00:00:02,0.2\n",
    "Timecode,JawOpen\n00:00:00:59,x\n00:00:01:00,0.2\n00:00:01:01,0.2\n"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "take.csv").write_text(content)
    with pytest.raises(InputError, match="is not a Live Link Face recording"):
        read_live_link(tmp_path / "take.csv")
