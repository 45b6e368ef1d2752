"""Two heads in a scene: their turns come from channels of the sequencer, and both are in one movie."""

import io
import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from caching_backend import render_task
from stand_ins import FakeBackend, Row, tiny_performance, tiny_subject, write_speech


def voiced(content, seconds):
    """Which seconds of a WAV file are heard."""
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        loud = np.abs(samples[:, 0].astype(int)) > 300
        return [bool(loud[round(second * file.getframerate()):round((second + 1) * file.getframerate())].any())
                for second in range(seconds)]


class TalkingBackend(FakeBackend):
    """A backend whose performances last as long as the conversation."""

    def _perform(self, inputs, settings):
        return {"performance": self._file(lambda path: tiny_performance(path, 5.0)), "notes": ["A note."]}


@pytest.fixture
def two(headroom, tmp_path):
    """Two heads of one clip, whose faces are at different places, and two turns of each in the sequencer.

    The first speaks in seconds 0 and 3 on channel 1, the second in second 1 on channel 2.
    """
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    shots = []
    for number, name in enumerate(("left", "right")):
        folder = tiny_subject(tmp_path / name)
        with np.load(folder / "rig.npz") as stored:
            arrays = dict(stored)
        arrays["crop"] = np.array([60 + 320 * number, 40, 240])
        np.savez(folder / "rig.npz", **arrays)
        (folder / "subject.toml").write_text(f'name = "{name.title()}"\n', encoding="utf-8")
        shots.append(headroom.module("scene.build.shot").open_subject(headroom.scene, folder))
    new_strip = headroom.module("scene.compat").new_strip
    voices = [write_speech(tmp_path / f"{number}.wav", 1.0) for number in range(3)]
    for voice, channel, frame in ((0, 1, 1), (1, 2, 26), (2, 1, 76)):
        new_strip(headroom.scene, "SOUND", f"turn {voice}", voices[voice], channel, frame)
    for channel, shot in enumerate(shots, start=1):
        shot.root.headroom.channel = channel
    return SimpleNamespace(shots=shots, backend=TalkingBackend(), scene=headroom.scene, folder=tmp_path,
                           module=headroom.module, bpy=headroom.bpy, run=headroom.module("core.tasks").run_task)


def converse(two, **settings):
    """Perform the conversation; returns the notes and the inputs of the perform jobs."""
    conversation = two.module("scene.output.conversation")
    take = two.module("core.take_settings").TakeSettings(None)
    task = conversation.perform_conversation(
        conversation.Conversation(two.shots[0], take, two.folder / "talk.blend"), lambda: two.backend)
    return two.run(task), [inputs for kind, inputs, _ in two.backend.submitted if kind == "perform"]


def test_each_head_performs_its_turns_and_hears_the_others(two):
    notes, (left, right) = converse(two)
    assert notes == ("A note.",)
    assert voiced(two.backend.blobs[left["speech"]], 4) == [True, False, False, True]
    assert voiced(two.backend.blobs[right["speech"]], 4) == [False, True, False, False]
    assert [(each["speech"], each["side"]) for each in left["others"]] == [(right["speech"], "right")]
    assert [(each["speech"], each["side"]) for each in right["others"]] == [(left["speech"], "left")]
    assert [settings["seed"] for kind, _, settings in two.backend.submitted if kind == "perform"] == [0, 1], (
        "or both would blink together")
    for shot in two.shots:
        plan = two.module("scene.anim.compose").make_plan(shot)
        assert plan.placement.start == 1 and len(plan.frames) == 125
        assert shot.speech == two.folder / f"talk {shot.root.name} turns.wav" and shot.speech.is_file()


def test_performing_again_follows_the_words_of_those_who_speak(two):
    converse(two)
    text = two.bpy.data.texts.new("line")
    text.from_string("He said: no!")
    for shot in two.shots:
        head = shot.root.headroom
        head.transcript = text
        two.module("scene.anim.takes").set_words(head.takes[0], [two.module("core.words").Word("he", 0.0, 0.2, 1.0)])
    two.module("scene.compat").strips_of(two.scene)["turn 1"].mute = True
    two.backend.submitted.clear()
    converse(two)
    sent = [settings.get("transcript") for kind, _, settings in two.backend.submitted if kind == "perform"]
    assert sent == ["He said: no!", None], "the second head only listens"


def test_the_strips_of_the_sequencer_stay_as_they_are(two):
    strips = two.module("scene.compat").strips_of(two.scene)
    strips["turn 2"].mute = True
    two.scene.sequence_editor.channels[2].mute = True
    before = [(strip.name, strip.frame_start, strip.channel, strip.mute) for strip in strips]
    _, (left, right) = converse(two)
    assert [(strip.name, strip.frame_start, strip.channel, strip.mute) for strip in strips] == before
    assert two.scene.sequence_editor.channels[2].mute
    assert voiced(two.backend.blobs[left["speech"]], 2) == [True, False], "a muted strip is not said"
    assert voiced(two.backend.blobs[right["speech"]], 2) == [False, True], "a muted channel is"


def test_a_head_without_a_channel_says_what_its_speech_strip_says(two):
    strips = two.module("scene.anim.strips")
    two.shots[1].root.headroom.channel = 0
    strips.adopt_strip(two.shots[1], two.module("scene.compat").strips_of(two.scene)["turn 1"])
    assert two.module("scene.anim.turns").turns_channel(two.shots[1]) == 2
    _, (_, right) = converse(two)
    assert voiced(two.backend.blobs[right["speech"]], 3) == [False, True, False]
    assert strips.speech_strip(two.shots[1]) is None and "turn 1" in two.module("scene.compat").strips_of(two.scene)


@pytest.mark.parametrize(("channels", "sentence"), [
    ((1, 1), "is that of several heads"), ((5, 6), "No head has sound strips in its channel")])
def test_channels_that_cannot_be_used_are_told(two, channels, sentence):
    for shot, channel in zip(two.shots, channels):
        shot.root.headroom.channel = channel
    with pytest.raises(two.module("core.errors").InputError, match=sentence):
        converse(two)
    assert two.backend.submitted == [] and not list(two.folder.glob("talk*"))


def test_a_conversation_needs_two_heads_that_are_not_hidden(two):
    two.shots[1].face.hide_render = True
    with pytest.raises(two.module("core.errors").InputError) as caught:
        converse(two)
    assert str(caught.value) == "A conversation needs two heads in the scene. Open another subject."


def test_a_blender_without_sound_is_told(two, monkeypatch):
    monkeypatch.setattr(two.module("scene.compat"), "plays_sound", lambda: False)
    with pytest.raises(two.module("core.errors").InputError, match="This Blender has no sound"):
        two.module("scene.anim.turns").place_turn(two.shots[0], two.folder / "0.wav", 3, 1)


def test_turns_that_blender_cannot_mix_leave_everything_as_it_was(two, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("Error: no codec")

    monkeypatch.setattr(two.module("scene.compat"), "mix_down", fail)
    with pytest.raises(two.module("core.errors").InputError, match="Blender cannot mix the turns of"):
        converse(two)
    assert not any(strip.mute for strip in two.module("scene.compat").strips_of(two.scene))
    assert two.backend.submitted == [] and not list(two.folder.glob("talk*"))


def test_blender_may_mix_the_turns_in_a_thread_while_its_window_goes_on(two, monkeypatch):
    compat, looks = two.module("scene.compat"), []
    complete, span = compat._samples_in, (two.scene.frame_start, two.scene.frame_end)

    def samples(path):
        looks.append(path)
        return complete(path) if len(looks) > 4 else 0

    monkeypatch.setattr(compat, "_samples_in", samples)
    mixing = two.module("scene.anim.turns").mix_turns(two.shots[0].ref, 1, 101, two.folder / "turns.wav")
    next(mixing)
    (mix,) = [scene for scene in two.bpy.data.scenes if scene != two.scene]
    strips = {strip.name: strip for strip in compat.strips_of(mix)}
    assert [strips[f"turn {number}"].mute for number in range(3)] == [False, True, False]
    assert (mix.frame_start, mix.frame_end, len(mix.objects)) == (1, 100, 0)
    assert not any(strip.mute for strip in compat.strips_of(two.scene)), "the artist may save or render meanwhile"
    assert (two.scene.frame_start, two.scene.frame_end) == span
    assert not (two.folder / "turns.wav").exists()
    assert len(list(mixing)) == 2
    assert voiced((two.folder / "turns.wav").read_bytes(), 4) == [True, False, False, True]
    assert list(two.bpy.data.scenes) == [two.scene]


def test_a_mix_that_was_saved_is_removed_when_the_file_is_opened(two, monkeypatch):
    monkeypatch.setattr(two.module("scene.compat"), "_samples_in", lambda path: 0)
    mixing = two.module("scene.anim.turns").mix_turns(two.shots[0].ref, 1, 101, two.folder / "turns.wav")
    next(mixing)
    two.bpy.ops.wm.save_as_mainfile(filepath=str(two.folder / "saved.blend"), copy=True)
    with pytest.raises(two.module("core.errors").InputError, match="it was undone"):
        two.bpy.data.scenes.remove(two.bpy.data.scenes[-1])
        next(mixing)
    two.bpy.ops.wm.open_mainfile(filepath=str(two.folder / "saved.blend"))
    assert len(two.bpy.data.scenes) == 1


def test_a_scene_whose_strips_were_removed_meanwhile_is_mixed_as_silence(two):
    two.scene.sequence_editor_clear()
    track = two.folder / "turns.wav"
    for _ in two.module("scene.anim.turns").mix_turns(two.shots[0].ref, 1, 26, track):
        pass
    assert voiced(track.read_bytes(), 1) == [False] and two.scene.sequence_editor is None


def test_a_sound_file_that_is_still_written_has_no_samples(headroom, tmp_path):
    samples = headroom.module("scene.compat")._samples_in
    file = write_speech(tmp_path / "turns.wav", 1.0)
    complete = file.read_bytes()
    assert samples(file) > 0
    data = complete.index(b"data")
    file.write_bytes(complete[:4] + b"\xff" * 4 + complete[8:data + 4] + b"\xff" * 4 + complete[data + 8:])
    assert samples(file) == 0, "FFmpeg's header before the last sample is written"


def test_the_button_says_what_is_missing(two):
    button = two.module("ui.conversation").HEADROOM_OT_perform_conversation
    needs_two = "A conversation needs two heads that are shown in renders"
    two.shots[0].face.hide_render = True
    assert button.disabled_reason(two.bpy.context) == needs_two
    two.shots[0].face.hide_render = False
    assert button.disabled_reason(two.bpy.context) not in (needs_two, "")
    for shot in two.shots:
        shot.root.headroom.channel = 0
    assert button.disabled_reason(two.bpy.context) == "No head has a channel with sound strips"
    two.bpy.data.objects.remove(two.shots[1].root)
    assert button.disabled_reason(two.bpy.context) == needs_two


def test_the_panel_has_a_channel_for_each_head_and_says_which_one_is_used(two):
    panel = two.module("ui.conversation").HEADROOM_PT_conversation
    two.shots[1].root.headroom.channel = 0
    two.module("scene.anim.strips").adopt_strip(
        two.shots[1], two.module("scene.compat").strips_of(two.scene)["turn 1"])
    row = Row()
    row.layout = row
    assert panel.poll(two.bpy.context)
    panel.draw(SimpleNamespace(layout=row), two.bpy.context)
    assert row.texts[1:4] == ["Sequencer Channels", "Left Shot", "Right Shot, channel 2"]


def render(two, shots):
    output = two.module("core.movie_output").MovieOutput(two.folder / "two.mp4")
    result = two.run(render_task(two.module("scene.output.movie_tasks"), shots, output, lambda: two.backend,
                                 engine="fast"))
    return result, [each for each in two.backend.submitted if each[0] == "refine"][-1][1:]


def test_both_are_in_one_movie_with_both_voices(two):
    converse(two)
    two.shots[0].root.headroom.label = "AI-generated"
    result, (inputs, settings) = render(two, two.module("scene.output.people").heads_together(two.shots[1]))
    (other,) = inputs["others"]
    assert result.frames == 125 == len(inputs["renders"]) == len(other["renders"])
    assert inputs["subject"] != other["subject"] and settings["label"] == "AI-generated"
    assert inputs["speech"] != other["speech"] and None not in (inputs["speech"], other["speech"])
    assert other["settings"] == {"scale": 1.0, "x": 0.0, "y": 0.0, "speech_from_seconds": 0.0, "speech_range": None}
    (strip,) = [each for each in two.module("scene.compat").strips_of(two.scene) if each.type == "MOVIE"]
    rendered = two.module("scene.output.movie_strip").render_settings(strip)
    assert (rendered.shot, rendered.others) == ("Left Shot", ("Right Shot",))


def test_hidden_heads_are_left_out_and_the_scenes_camera_decides_who_is_first(two):
    together = two.module("scene.output.people").heads_together
    assert [shot.root.name for shot in together(two.shots[1])] == ["Left Shot", "Right Shot"]
    two.scene.camera = two.shots[1].camera
    assert [shot.root.name for shot in together(two.shots[0])] == ["Right Shot", "Left Shot"]
    two.shots[1].face.hide_render = True
    assert [shot.root.name for shot in together(two.shots[0])] == ["Left Shot"]


def test_a_moved_root_places_the_other_persons_frame_where_its_head_is_seen(two):
    """The corner of the placed frame, against the head's middle projected by hand."""
    right = two.shots[1]
    right.root.location = (0.1, 0.7, 0.05)  # right, away and up, in world axes
    _, placed = two.module("scene.output.people").placements(two.shots)
    x, y, z = 10.0 + 100, 5.0 + 50, -700.0 - 700
    seen = np.array([320 + 700 * x / -z, 180 - 700 * y / -z])
    filmed = np.array([320 + 700 * 10 / 700, 180 - 700 * 5 / 700])
    assert placed.scale == pytest.approx(0.5)
    assert np.array([placed.x, placed.y]) + placed.scale * filmed == pytest.approx(seen, abs=0.01)
    right.root.location = (0, -5, 0)
    with pytest.raises(two.module("core.errors").InputError, match="is behind the camera of"):
        two.module("scene.output.people").placements(two.shots)


def test_a_shot_of_two_people_is_one_command(headroom, tmp_path, monkeypatch):
    if not headroom.module("scene.compat").plays_sound():
        pytest.skip("this Blender was built without sound")
    subjects = [tiny_subject(tmp_path / name) for name in "ab"]
    voices = [write_speech(tmp_path / f"{name}.wav", 5.0) for name in "ab"]
    backend = TalkingBackend()
    request = headroom.module("core.job_file").request_of({
        "kind": "shot", "subject": "a", "speech": "a.wav", "people": ["b=b.wav"], "output": "two.mp4",
        "blend": "scenes/two.blend", "engine": "fast"}, tmp_path)
    assert request.paths(written=False) == [str(path) for path in (subjects[0], voices[0], subjects[1], voices[1])]
    assert request.as_json()["people"] == [f"{subjects[1]}={voices[1]}"]
    words = request.arguments()
    assert words[-2:] == ["--with", f"{subjects[1]}={voices[1]}"]
    args = headroom.module("cli").parser().parse_args(words)
    assert headroom.module("core.job_file").make_request(
        "shot", {name: getattr(args, name) for name in request.settings}, Path.cwd()).settings == request.settings
    result = headroom.module("commands").run(request, lambda: backend, lambda step: None)
    assert result["frames"] == 125 and (tmp_path / "two.mp4").is_file()
    kinds = [kind for kind, _, _ in backend.submitted if kind in ("perform", "refine")]
    assert kinds == ["perform", "perform", "refine"]
    assert len(list((tmp_path / "scenes").glob("two * turns.wav"))) == 2, "beside the .blend, which names them"
    headroom.module("commands").run(headroom.module("core.job_file").request_of({
        "kind": "render", "file": "scenes/two.blend", "output": "again.mp4", "engine": "fast", "all_heads": True},
        tmp_path), lambda: backend, lambda step: None)
    assert len(backend.submitted[-1][1]["others"]) == 1


@pytest.mark.parametrize(("people", "sentence"), [
    ("b=b.wav", "The setting people must be a list of SUBJECT=SPEECH"), (["b"], "must be a list of SUBJECT=SPEECH"),
    (["b="], "The setting people is empty")])
def test_people_that_are_no_pairs_of_paths_are_refused(headroom, tmp_path, people, sentence):
    job_file = headroom.module("core.job_file")
    with pytest.raises(headroom.module("core.errors").InputError, match=sentence):
        job_file.request_of({"kind": "shot", "subject": "a", "speech": "a.wav", "output": "two.mp4", "people": people},
                            tmp_path)


def test_a_performance_is_of_one_person(headroom, tmp_path):
    request = headroom.module("core.job_file").request_of({
        "kind": "shot", "subject": "a", "speech": "a.wav", "people": ["b=b.wav"], "output": "two.mp4",
        "performance": "p.npz"}, tmp_path)
    with pytest.raises(headroom.module("core.errors").InputError, match="A performance is of one person"):
        headroom.module("commands").run(request, lambda: None, lambda step: None)
