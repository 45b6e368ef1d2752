"""The panel's buttons. `poll` says what is missing, `execute` reads the settings and calls one function."""

from typing import Any

import bpy
from bpy.props import IntProperty

from ..core import remote
from ..core.render_settings import RenderSettings
from ..core.take_settings import TakeSettings
from ..core.tasks import InBackground, Task
from ..scene import compat, produce
from ..scene.shot import Shot, open_subject
from . import jobs, preferences
from .button import Button
from .paths import absolute, clip_part, new_subject_folder
from .properties import settings, shown_shot
from .speech import chosen_speech, lacking


class HEADROOM_OT_check_backend(Button):
    """Start the backend if need be and ask what it runs on"""

    bl_idname, bl_label = "headroom.check_backend", "Check Backend"

    @classmethod
    def problem(cls, context):
        return preferences.missing(context) or ("The check is under way" if jobs.is_running("check") else "")

    def run(self, context):
        connect = preferences.connector(context)

        def task() -> Task:
            device = yield InBackground(lambda watch: remote.device(connect(), watch))
            return device

        return jobs.start("check", "Check Backend", task(), lambda device: f"Backend ready, on {device}")


class HEADROOM_OT_learn(Button):
    """Learn a person from a clip, or from a single photo"""

    bl_idname, bl_label = "headroom.learn", "Learn"

    @classmethod
    def problem(cls, context):
        chosen = settings(context)
        if not chosen.clip:
            return "Choose a clip or a photo"
        if not chosen.name.strip():
            return "Enter the name of the person shown"
        if not chosen.consent:
            return "Confirm that the person shown has agreed"
        start, end = clip_part(chosen)
        if end and end <= start:
            return "The part of the clip ends before it begins"
        if chosen.resolution == "512" and chosen.preset == "draft":
            return "A face crop of 512 pixels needs the preset Standard or Paper"
        return preferences.missing(context) or ("A clip is being learnt" if jobs.is_running("learn") else "")

    def run(self, context):
        chosen, scene_name = settings(context), context.scene.name
        folder, (start, end) = new_subject_folder(context), clip_part(chosen)
        facts = {"preset": chosen.preset, "albedo": chosen.albedo, "resolution": int(chosen.resolution),
                 "from_seconds": start or None, "to_seconds": end or None, "name": chosen.name.strip(),
                 "consent": chosen.consent}

        def done(notes: tuple[str, ...]) -> str:
            scene = bpy.data.scenes.get(scene_name) or bpy.context.scene
            scene.headroom.subject = str(folder)
            show_new_shot(open_subject(scene, folder))
            return " ".join((f"Learnt {folder.name}.", *notes))

        task = produce.learn_subject(absolute(chosen.clip), folder, facts, preferences.connector(context))
        return jobs.start("learn", f"Learn {chosen.name.strip()}", task, done)


class HEADROOM_OT_open_subject(Button):
    """Build the head of a learnt person in this scene"""

    bl_idname, bl_label = "headroom.open_subject", "Open Subject"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    @classmethod
    def problem(cls, context):
        return "" if settings(context).subject else "Choose a subject's folder"

    def run(self, context):
        shot = open_subject(context.scene, absolute(settings(context).subject))
        look_through_camera(context, shot)
        select_face(context, shot)
        return f"Opened {shot.subject.name}"


class PerformButton(Button):
    """Not registered itself: what performing a speech and adding a take share."""

    @classmethod
    def not_now(cls, context):
        return preferences.missing(context) or ("A speech is being performed" if jobs.is_running("perform") else "")

    def perform(self, context, shot, takes, strip=""):
        compat.show_in_sequencer(context, context.scene)
        name = takes[0].speech.name
        task = produce.perform_takes(shot, takes, shot.start_frame, preferences.connector(context), strip)
        return jobs.start("perform", f"Perform {name}", task, lambda notes: " ".join((f"Keyed {name}.", *notes)))


class HEADROOM_OT_perform(PerformButton):
    """Predict the motion of the head for a speech and put both on the timeline"""

    bl_idname, bl_label = "headroom.perform", "Perform"

    @classmethod
    def problem(cls, context):
        if shown_shot(context) is None:
            return "Open a subject first"
        return lacking(context) or cls.not_now(context)

    def run(self, context):
        chosen, speech = settings(context), chosen_speech(context)
        takes = [TakeSettings(speech.path, seed, chosen.pose)
                 for seed in range(chosen.seed, chosen.seed + chosen.take_count)]
        return self.perform(context, shown_shot(context), takes, speech.strip)


class HEADROOM_OT_render_shot(Button):
    """Render the scene's frame range, refine it and lay the movie in the sequencer"""

    bl_idname, bl_label = "headroom.render_shot", "Render Shot"

    @classmethod
    def problem(cls, context):
        chosen = settings(context)
        if shown_shot(context) is None:
            return "Open a subject first"
        if not chosen.output or chosen.output.endswith(("/", "\\")):
            return "Choose a movie file to write"
        if chosen.output.startswith("//") and not bpy.data.filepath:
            return "Save the file first, or choose a movie path that does not begin with //"
        return preferences.missing(context) or ("A shot is being rendered" if jobs.is_running("render") else "")

    def run(self, context):
        chosen, movie = settings(context), absolute(settings(context).output)
        if movie.suffix.lower() != ".mp4":
            movie = movie.with_name(movie.name + ".mp4")
        compat.show_in_sequencer(context, context.scene)
        shot = shown_shot(context)
        asked = RenderSettings(shot.root.name, shot.scene.frame_start, shot.scene.frame_end, chosen.plate_fit)
        task = produce.render_shot(shot, movie, chosen.plate_fit, preferences.connector(context))
        return jobs.start("render", f"Render {movie.name}", task, rendered, about=str(asked))


class HEADROOM_OT_cancel_job(Button):
    """Stop this job"""

    bl_idname, bl_label = "headroom.cancel_job", "Cancel"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    number: IntProperty()  # type: ignore[valid-type]

    def run(self, context):
        jobs.cancel(self.number)
        return "Stopping"


class HEADROOM_OT_clear_jobs(Button):
    """Remove finished jobs from the list"""

    bl_idname, bl_label = "headroom.clear_jobs", "Clear Finished"
    bl_options = {"INTERNAL"}  # noqa: RUF012

    def run(self, context):
        jobs.clear()
        return "Cleared"


CLASSES = (
    HEADROOM_OT_check_backend, HEADROOM_OT_learn, HEADROOM_OT_open_subject, HEADROOM_OT_perform,
    HEADROOM_OT_render_shot, HEADROOM_OT_cancel_job, HEADROOM_OT_clear_jobs,
)


def rendered(result: produce.MovieResult) -> str:
    """The line that ends a rendered shot's job."""
    return " ".join((f"Wrote {result.movie.name}, {result.frames} frames.", *result.notes))


def look_through_camera(context: bpy.types.Context, shot: Shot) -> None:
    """Show the head in front of its plate in the 3D view that the button was pressed in."""
    space: Any = context.space_data
    if isinstance(space, bpy.types.SpaceView3D) and shot.scene.camera == shot.camera:
        space.region_3d.view_perspective = "CAMERA"
        space.shading.type = "MATERIAL"
        beside_sidebar(context.area, space.region_3d)


def show_new_shot(shot: Shot) -> None:
    """The same for a head that came without its button being pressed, where it is the one that its scene films."""
    for window in bpy.context.window_manager.windows if shot.scene.camera == shot.camera else ():
        area = next((area for area in window.screen.areas if area.type == "VIEW_3D"), None)
        if window.scene == shot.scene and area is not None:
            region = next(region for region in area.regions if region.type == "WINDOW")
            with bpy.context.temp_override(window=window, area=area, region=region):
                look_through_camera(bpy.context, shot)
                select_face(bpy.context, shot)
            return


def select_face(context: bpy.types.Context, shot: Shot) -> None:
    """Select the face alone: the graph editor shows the curves of what is selected."""
    if context.mode != "OBJECT" or shot.face.name not in context.view_layer.objects:
        return
    for each in context.selected_objects:
        each.select_set(False)
    shot.face.select_set(True)
    context.view_layer.objects.active = shot.face


def beside_sidebar(area: bpy.types.Area, view: bpy.types.RegionView3D) -> None:
    """Shift a camera's view by half the sidebar that lies over it, so that the face is not behind it."""
    sidebar, whole = (next(region for region in area.regions if region.type == kind) for kind in ("UI", "WINDOW"))
    covered = sidebar.width / whole.width if sidebar.width < whole.width == area.width and sidebar.width > 1 else 0.0
    magnified = ((view.view_camera_zoom / 50 + 2**0.5) / 2) ** 2  # how Blender counts its zoom
    view.view_camera_offset = covered / (4 * magnified), 0.0
