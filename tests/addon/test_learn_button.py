"""Learn Subject: the subject opens where the button was pressed."""

from pathlib import Path

from stand_ins import write_speech


def test_learn_makes_a_subject_and_opens_it(panel, backend, tmp_path, files):
    backend._learn = lambda inputs, settings: {"subject": backend.put_tree(files[0]), "notes": []}
    chosen = panel.settings
    chosen.clip, chosen.name, chosen.consent = str(write_speech(tmp_path / "clip.mp4")), "Zoë / Ann", True
    chosen.learn_output = str(tmp_path / "learned")
    assert panel.bpy.ops.headroom.learn_subject() == {"FINISHED"}
    assert Path(chosen.subject) == tmp_path / "learned" / "Zoë Ann"
    assert len(panel.module("scene.build.shot").shots_in(panel.scene)) == 1
    assert backend.submitted[0][2] == {"preset": "draft", "albedo": "clip", "resolution": "auto",
                                       "from_seconds": None, "to_seconds": None, "budget_minutes": None, "face": 0,
                                       "audio_track": None,
                                       "name": "Zoë / Ann", "consent": True}


def start_learning(panel, backend, tmp_path, files, monkeypatch):
    """Press Learn Subject and return the job that it would start beside a window."""
    backend._learn = lambda inputs, settings: {"subject": backend.put_tree(files[0]), "notes": []}
    chosen, started = panel.settings, []
    chosen.clip, chosen.name, chosen.consent = str(write_speech(tmp_path / "clip.mp4")), "Zoë", True
    chosen.learn_output = str(tmp_path / "learned")
    monkeypatch.setattr(panel.jobs, "start", lambda spec: started.append(spec) or spec.title)
    panel.bpy.ops.headroom.learn_subject()
    return started[0]


def test_a_subject_learned_while_another_file_was_opened_is_not_built_there(panel, backend, tmp_path, files,
                                                                            monkeypatch):
    job = start_learning(panel, backend, tmp_path, files, monkeypatch)
    panel.bpy.ops.wm.read_homefile(use_empty=True)
    result = panel.module("core.tasks").run_task(job.task)
    job.apply(result)
    assert job.summary(result) == f"Learned Zoë into {tmp_path / 'learned' / 'Zoë'}."
    assert not panel.bpy.data.objects and (tmp_path / "learned" / "Zoë" / "subject.toml").is_file()


def test_a_learned_subject_opens_in_the_scene_of_the_button_and_the_selection_stays(panel, backend, tmp_path, files,
                                                                                    monkeypatch):
    bpy = panel.bpy
    job = start_learning(panel, backend, tmp_path, files, monkeypatch)
    panel.scene.name = "Renamed"
    bpy.context.window.scene = bpy.data.scenes.new("Scene")
    mine = bpy.data.objects.new("Mine", None)
    bpy.context.scene.collection.objects.link(mine)
    bpy.context.view_layer.objects.active = mine
    job.apply(panel.module("core.tasks").run_task(job.task))
    shots_in = panel.module("scene.build.shot").shots_in
    assert len(shots_in(bpy.data.scenes["Renamed"])) == 1 and not shots_in(bpy.context.scene)
    assert bpy.context.view_layer.objects.active == mine
