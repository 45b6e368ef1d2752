"""The movie strip of a rendered shot: its settings, its file while it is replaced, and its sound."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from caching_backend import movie_strip, render
from stand_ins import Row, wide


def test_a_movie_strip_stores_its_render_settings_and_can_be_rendered_again(scenario):
    render(scenario, frame_range=(20, 24))
    module, strip = scenario.module("scene.output.movie_strip"), movie_strip(scenario)
    settings = module.render_settings(strip)
    assert json.loads(strip[module.SETTINGS])["plate_fit"] == 0.0 and settings.engine == "auto"
    assert (settings.shot, settings.frame_start, settings.frame_end) == (scenario.shot.root.name, 20, 24)
    assert scenario.module("scene.compat").strip_span(strip) == (20, 25)
    result, rendered, _ = render(scenario, frame_range=(settings.frame_start, settings.frame_end))
    assert (result.frames, rendered) == (5, [])


def test_a_strip_with_damaged_render_settings_says_what_to_do(scenario):
    render(scenario, frame_range=(20, 24))
    module, panel = scenario.module("scene.output.movie_strip"), scenario.module("ui.refine").HEADROOM_PT_strip
    strip = movie_strip(scenario)
    scenario.scene.sequence_editor.active_strip = strip
    whole, row = strip[module.SETTINGS], Row()
    panel.draw(SimpleNamespace(layout=row), wide(scene=scenario.scene))
    assert "Frames 20 to 24" in row.texts
    for damaged in (whole[:-3], whole.replace("20", '"x"'), whole.replace("0.0", '"wide"'), "[1]"):
        strip[module.SETTINGS], row = damaged, Row()
        panel.draw(SimpleNamespace(layout=row), wide(scene=scenario.scene))
        assert row.texts[1:] == ["The strip does not say how it was rendered. Render the shot again."]


def test_strips_release_a_movie_while_it_is_replaced(scenario, monkeypatch):
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("this system does not list open files")
    compat, publish, open_while_replaced = scenario.module("scene.compat"), scenario.tasks.publish, []

    def is_open():
        return any(os.path.realpath(each) == str(scenario.movie) for each in handles.iterdir())

    monkeypatch.setattr(scenario.tasks, "publish",
                        lambda *paths: open_while_replaced.append(is_open()) or publish(*paths))
    render(scenario, frame_range=(20, 24))
    artists = compat.new_strip(scenario.scene, "MOVIE", "Mine", scenario.movie, 9, 100)
    assert is_open()
    render(scenario, frame_range=(20, 29))
    assert open_while_replaced == [False, False]
    assert artists.filepath == str(scenario.movie) and compat.strip_span(artists) == (100, 105)
    assert compat.strip_content(artists) == (100, 110)


@pytest.mark.parametrize(("frames", "seconds"), [((1, 5), 0.0), ((101, 105), 4.0), ((-9, 3), -0.4)])
def test_the_sound_of_a_movie_starts_at_its_first_frame(scenario, frames, seconds):
    result, *_ = render(scenario, frame_range=frames)
    _, inputs, settings = scenario.backend.submitted[-1]
    assert inputs["speech"] and settings["speech_from_seconds"] == pytest.approx(seconds)
    assert result.notes == ()


@pytest.mark.parametrize(("follow", "part"), [(True, [0.4, 9.2]), (False, None)])
def test_the_sound_of_a_movie_is_trimmed_like_the_strip_it_follows(scenario, follow, part):
    strip = scenario.module("scene.anim.strips").speech_strip(scenario.shot)
    if strip is None:
        pytest.skip("this Blender was built without sound")
    strip.frame_offset_start, strip.frame_offset_end = 10, 20
    scenario.shot.root.headroom.follow_strip = follow
    render(scenario, frame_range=(6, 20))
    settings = scenario.backend.submitted[-1][2]
    assert settings == {"fps": 25.0, "speech_from_seconds": pytest.approx(0.2),
                        "speech_range": part and pytest.approx(part)}


@pytest.mark.parametrize("frames", [(-9, 0), (251, 255)])
def test_a_movie_of_frames_without_speech_has_no_sound_and_a_note(scenario, frames):
    result, *_ = render(scenario, frame_range=frames)
    assert scenario.backend.submitted[-1][1]["speech"] is None
    assert "no sound, because the speech does not cover the rendered frames" in result.notes[0]
