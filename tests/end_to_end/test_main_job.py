"""Clip and speech in, movie and .blend out: the real command line, server, extension zip, Blender and networks."""

import json
import subprocess
import sys

import av
import numpy as np
import pytest
import tomllib

from headroom.cli.demo import write_first_second
from headroom.face.performance import Performance
from headroom.media.audio import read_audio, write_wav
from headroom.media.credentials.inspect import inspect_file
from headroom.media.image import read_picture
from headroom.media.video import probe, read_frames
from headroom.subject.folder import Subject

pytest.importorskip("bpy")


@pytest.fixture(scope="module")
def made(learned, tmp_path_factory):
    """The folder that `headroom shot` wrote one second of speech into."""
    from headroom.common.paths import shipped_file

    folder = tmp_path_factory.mktemp("made") / "a folder with spaces"
    folder.mkdir()
    write_wav(folder / "speech.wav", read_audio(shipped_file("samples", "speech.wav"), to_seconds=1.0))
    command = [sys.executable, "-m", "headroom", "shot", str(learned), str(folder / "speech.wav"),
               "-o", str(folder / "shot.mp4"), "--blend", str(folder / "shot.blend")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_subject_holds_what_the_contract_says(learned):
    names = {path.name for path in learned.iterdir()}
    assert names >= {"subject.toml", "track.npz", "rig.npz", "albedo.png", "motion.safetensors",
                     "refiner.safetensors", "plates.mp4", "preview.png"}
    info = tomllib.loads((learned / "subject.toml").read_text())
    assert info["consent"]["statement"] == "synthetic person"
    assert probe(learned / "plates.mp4").frames == len(Subject.open(learned).track) == 100


def test_the_movie_is_the_clip_s_size_and_rate_as_long_as_the_speech_and_labelled(made):
    info = probe(made / "shot.mp4")
    assert (info.width, info.height, info.fps, info.frames) == (512, 512, 25, 25)
    assert info.has_audio
    with av.open(str(made / "shot.mp4")) as movie:
        assert "AI-generated" in movie.metadata["comment"]
    marks = inspect_file(made / "shot.mp4")
    assert marks.state == "valid" and "  plates.mp4 has content credentials: valid" in marks.lines
    assert any(line.startswith("  consent: synthetic person;") for line in marks.lines)
    assert {line.split()[2] for line in marks.lines if line.startswith("  made from")} == {"clip", "speech", "subject"}
    heard = read_audio(made / "shot.mp4")[:15000]
    said = read_audio(made / "speech.wav")[:15000]
    assert np.corrcoef(heard, said)[0, 1] > 0.95


def test_the_picture_is_her_footage_with_another_face_motion(made, learned):
    frames = np.stack(list(read_frames(made / "shot.mp4")))
    plates = np.stack(list(read_frames(learned / "plates.mp4")))
    top = np.abs(frames[:, :20].astype(int) - np.median(plates[:, :20], axis=0)).mean()
    assert top < 4, "the background is not that of the clip"
    crop = Subject.open(learned).track.crop
    inside = slice(max(crop.y, 0), crop.y + crop.size), slice(max(crop.x, 0), crop.x + crop.size)
    nearest = min(np.abs(frames[12][inside].astype(int) - plate[inside]).mean() for plate in plates)
    assert nearest > 0.5, "the frame is a copy of a plate"
    assert np.abs(np.diff(frames[:, inside[0], inside[1]].astype(int), axis=0)).mean() > 0.1, "nothing moves"


def test_the_first_second_of_the_demo_is_that_of_its_shot(made, learned, tmp_path):
    write_first_second(learned, made / "speech.wav", tmp_path / "first.mp4")
    frames = [list(read_frames(movie)) for movie in (tmp_path / "first.mp4", made / "shot.mp4")]
    assert len(frames[0]) == len(frames[1]) == 25 and probe(tmp_path / "first.mp4").has_audio
    assert np.abs(np.subtract(*np.array(frames, np.int16))).mean() < 2
    assert inspect_file(tmp_path / "first.mp4").state == "valid"


def test_the_blend_holds_keyed_shape_keys_and_head_pose(made):
    script = (
        "import bpy, sys; bpy.ops.wm.open_mainfile(filepath=sys.argv[1]);"
        "face = next(o for o in bpy.data.objects if o.type == 'MESH' and o.data.shape_keys);"
        "keys = face.data.shape_keys; assert len(keys.key_blocks) == 1 + 52 + 64, len(keys.key_blocks);"
        "assert [keys.key_blocks[i].name for i in (1, 53, 116)] == ['jawOpen', 'Detail 01', 'Detail 64'];"
        "assert keys.animation_data.action and face.animation_data.action;"
        "values = []\n"
        "for frame in (1, 8, 16, 24):\n"
        "    bpy.context.scene.frame_set(frame)\n"
        "    values.append([k.value for k in keys.key_blocks] + list(face.rotation_euler))\n"
        "assert len({tuple(v) for v in values}) == 4, 'nothing moves';"
        "print('kept', face.name)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(made / "shot.blend")], capture_output=True, text=True)
    assert "kept" in done.stdout, done.stdout + done.stderr


def test_eevee_and_the_rasteriser_draw_the_same_picture(learned, tmp_path):
    """The refiner is taught with one and used with the other: at least 38 dB over the face."""
    script = tmp_path / "render.py"
    script.write_text(RENDER)
    from headroom import pipeline

    done = subprocess.run([sys.executable, str(script), str(learned), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    track = Subject.open(learned).track
    chosen = [5, 60]
    motion = Performance(track.fps, track.expression[chosen], track.rotation[chosen], track.translation[chosen])
    ours = pipeline.render_crops(learned, motion)
    for index, frame in enumerate(ours):
        render = frame.picture
        eevee = read_picture(tmp_path / f"{index:06d}.png", alpha=True)
        both = (eevee[..., 3] == 255) & (render[..., 3] == 255)
        assert both.sum() > 0.95 * (render[..., 3] == 255).sum() > 1000
        error = (eevee[..., :3].astype(float) - render[..., :3])[both]
        assert 10 * np.log10(255**2 / (error**2).mean()) > 38


def test_a_batch_makes_the_shots_of_a_job_file_and_a_report(learned, made, tmp_path):
    write_wav(tmp_path / "a line.wav", read_audio(made / "speech.wav", to_seconds=0.4))
    shot = {"kind": "shot", "subject": str(learned), "engine": "fast"}
    jobs = [{**shot, "speech": "a line.wav", "output": "out/1.mp4"},
            {**shot, "speech": "none.wav", "output": "out/2.mp4"}]
    (tmp_path / "jobs.json").write_text(json.dumps({"headroom": 1, "jobs": jobs}))
    done = subprocess.run([sys.executable, "-m", "headroom", "batch", "jobs.json"], cwd=tmp_path, capture_output=True,
                          text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads((tmp_path / "jobs_report" / "report.json").read_text())["jobs"]
    assert [line["state"] for line in report] == ["done", "failed"] and "does not exist" in report[1]["error"]
    assert probe(tmp_path / "out" / "1.mp4").frames == 10
    assert read_picture(tmp_path / "jobs_report" / "thumbnails" / "00001.jpg").shape == (240, 240, 3)


def test_a_shot_split_over_two_workers_has_the_pictures_and_the_sound_of_the_whole_one(learned, made, tmp_path):
    job = {"kind": "shot", "subject": str(learned), "speech": str(made / "speech.wav"), "output": "split.mp4"}
    (tmp_path / "jobs.json").write_text(json.dumps({"headroom": 1, "jobs": [job]}))
    command = [sys.executable, "-m", "headroom", "batch", "jobs.json", "--jobs", "2", "--chunk", "0.5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    whole, split = (list(read_frames(path)) for path in (made / "shot.mp4", tmp_path / "split.mp4"))
    assert all(np.array_equal(one, other) for one, other in zip(split, whole, strict=True))
    assert np.array_equal(read_audio(tmp_path / "split.mp4"), read_audio(made / "shot.mp4"))
    assert inspect_file(tmp_path / "split.mp4").state == "valid"
    assert sorted(path.name for path in (tmp_path / "jobs_report").iterdir()) == [
        "report.html", "report.json", "thumbnails"]


RENDER = """
import importlib, os, sys, tempfile
os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp()
from pathlib import Path
import bpy, numpy as np
from headroom.cli.blender import build_extension
zip_file = build_extension(Path(tempfile.mkdtemp()))
bpy.ops.extensions.package_install_files(repo="user_default", filepath=str(zip_file), enable_on_install=True)
scene = importlib.import_module("bl_ext.user_default.headroom.scene")
shot, takes, compose, rendering, performance, cache, settings = (
    importlib.import_module("bl_ext.user_default.headroom." + name)
    for name in ("scene.build.shot", "scene.anim.takes", "scene.anim.compose", "scene.output.rendering",
                 "core.performance", "core.frame_cache", "core.take_settings"))
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
subject, out = Path(sys.argv[1]), Path(sys.argv[2])
made = shot.open_subject(bpy.context.scene, subject)
track = np.load(subject / "track.npz")
made.root["headroom_start_frame"] = 0
for _ in takes.add_take(made.ref, performance.Performance(
        25.0, track["expression"], track["rotation"], track["translation"]), settings.TakeSettings(Path("none.wav"))):
    pass
compose.compose(made)
for index, frame in enumerate((5, 60)):
    still = rendering.PosedFrame(frame, track["rotation"][frame], track["translation"][frame])
    rendering.render_face(made, still, cache.FrameCache([out])).rename(out / f"{index:06d}.png")
"""
