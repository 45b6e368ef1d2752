"""Script that make_screenshots.py runs in Blender: `blender --python … -- ZIP FOLDER`.

FOLDER holds the subject `robin`, `speech.wav`, two performances of it and `shot.mp4`; screenshots are written there.
"""

import importlib
import os
import subprocess
import sys
import traceback
from pathlib import Path

import bpy

ARCHIVE, FOLDER = (Path(each) for each in sys.argv[sys.argv.index("--") + 1:])
PACKAGE = "bl_ext.user_default.headroom"
PAUSE = 1.5  # seconds for drawing
SHADERS = 30  # pauses for compiling the face's material

bpy.context.preferences.view.show_splash = False


def module(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def picture(name, crop=None):
    """Write FOLDER/name.png: the window, or its part (x, y, width, height) from the top left."""
    cut = ["-crop", "{2}x{3}+{0}+{1}".format(*crop), "+repage"] if crop else []
    subprocess.run(["import", "-window", "root", *cut, str(FOLDER / f"{name}.png")], check=True)


def around(region):
    """Return a region's rectangle from the top left of the window."""
    height = bpy.context.window_manager.windows[0].height
    return region.x, height - region.y - region.height, region.width, region.height


def sidebar():
    """Open the sidebar of the first 3D view and return its region."""
    screen = bpy.context.window_manager.windows[0].screen
    area = next(area for area in screen.areas if area.type == "VIEW_3D")
    area.spaces.active.show_region_ui = True
    return next(region for region in area.regions if region.type == "UI")


def steps():
    """The session; Blender draws at every yield."""
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(ARCHIVE), enable_on_install=True, overwrite=True)
    sidebar()
    yield
    sidebar().active_panel_category = "Headroom"
    yield
    picture("panel-first-run", around(sidebar()))

    chosen = module("ui.preferences").preferences(bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:8765"
    bpy.ops.headroom.new_shot_file()
    yield
    yield
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "shot.blend"))
    scene = bpy.context.scene
    settings = scene.headroom
    settings.subject, settings.speech, settings.output = "//robin", "//speech.wav", "//shot.mp4"
    shot = module("scene.build.shot").open_subject(scene, FOLDER / "robin")
    perform(shot, 0)
    rendered = module("core.render_settings").RenderSettings(
        shot.root.name, scene.frame_start, scene.frame_end, 0.0, "auto")
    module("scene.output.movie_strip").place_movie(shot, FOLDER / "shot.mp4", scene.frame_start, rendered)
    bpy.context.view_layer.objects.active = shot.face
    shot.face.select_set(True)
    scene.frame_set(60)
    yield
    show_curves()
    for _ in range(SHADERS):
        yield
    picture("workspace")
    area = next(each for each in bpy.context.window_manager.windows[0].screen.areas if each.type == "VIEW_3D")
    area.spaces.active.show_region_asset_shelf = True
    yield
    yield
    picture("control-board", around(next(region for region in area.regions if region.type == "WINDOW")))

    perform(shot, 1)
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 40, 80
    bpy.ops.headroom.use_take(index=0, head=False, upper=False)
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area):
        bpy.ops.screen.screen_full_area()
    yield
    sidebar()
    yield
    picture("takes", around(sidebar()))


def perform(shot, seed):
    """Add the performance with a seed as a take."""
    performance = module("core.performance").Performance.load(FOLDER / f"performance-{seed}.npz")
    take = module("core.take_settings").TakeSettings(FOLDER / "speech.wav", seed)
    module("scene.output.shot_tasks").apply_performance(shot, performance, take, shot.scene.frame_start)


def show_curves():
    """Show all F-curves and strips in their editors."""
    window = bpy.context.window_manager.windows[0]
    for area in window.screen.areas:
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region):
            if area.type == "GRAPH_EDITOR":
                area.spaces.active.dopesheet.show_shapekeys = False
                bpy.ops.graph.view_all()
            elif area.type == "SEQUENCE_EDITOR":
                area.spaces.active.timeline_overlay.show_strip_source = False
                bpy.ops.sequencer.view_all()
            elif area.type == "VIEW_3D":
                bpy.ops.view3d.view_center_camera()
                module("ui.view").fit_picture(area, area.spaces.active.region_3d, bpy.context.scene.render)


session = steps()


def tick():
    failed = 0
    try:
        next(session)
        return PAUSE
    except StopIteration:
        pass
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        failed = 1
    os._exit(failed)  # quitting would wait for every shader that is still being compiled


bpy.app.timers.register(tick, first_interval=PAUSE, persistent=True)
