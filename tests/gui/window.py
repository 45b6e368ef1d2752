"""Inside Blender: what the sessions share. The extension, editors and their sidebars, the mouse, pictures, the end."""

import importlib
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

ARCHIVE, FOLDER = (Path(each) for each in sys.argv[sys.argv.index("--") + 1:])
PACKAGE = "bl_ext.user_default.headroom"
JOB_SECONDS = 150.0
STEP_PX = 16
"""Less than the height of a button."""
COLUMNS_PX = (0.4, -30, -38)
"""Where the mouse goes down a sidebar: a part of its width, and along its right edge, beside the tabs."""


def module(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def install():
    """The shipped zip into an empty scene."""
    for each in list(bpy.data.objects):
        bpy.data.objects.remove(each)
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(ARCHIVE), enable_on_install=True, overwrite=True)


def window():
    return bpy.context.window_manager.windows[0]


def area_of(kind):
    return next(area for area in window().screen.areas if area.type == kind)


def sidebar(kind="VIEW_3D"):
    area = area_of(kind)
    area.spaces.active.show_region_ui = True
    return next(region for region in area.regions if region.type == "UI")


def show_tab(*kinds, name="Headroom"):
    """Open sidebars with a tab of the extension in front."""
    for kind in kinds:
        sidebar(kind)
    yield 1.0
    for kind in kinds:
        sidebar(kind).active_panel_category = name
    yield 1.0


def shot():
    return module("scene.shot").shots_in(bpy.context.scene)[0]


def until(true, seconds=8.0):
    """Let Blender live until something is so, or for a few seconds; whether it came to be so."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        yield 0.02
    return true()


def finished(before=lambda view: False):
    """Let Blender draw until the newest job has ended, or `before` says so; returns it."""
    end = time.monotonic() + JOB_SECONDS
    while (view := module("ui.jobs").views()[0]).is_running and not before(view):
        assert time.monotonic() < end, view
        yield 0.02
    return view


def picture(name):
    """The screen as it is, where the machine has a program to take it."""
    with open(FOLDER / f"{name}.log", "w") as log:
        try:
            subprocess.run(["import", "-window", "root", str(FOLDER / f"{name}.png")], stderr=log, check=False)
        except OSError:
            log.write("there is no program to take a picture with")


def click(button, kind="VIEW_3D"):
    """Click a button of a sidebar, such as "perform", wherever it is drawn; it is scrolled to."""
    place = yield from _find(f"bpy.ops.headroom.{button}(", kind)
    assert place, f"{button} is not in the sidebar"
    for value in ("PRESS", "RELEASE"):
        _mouse("LEFTMOUSE", value, place)
        yield 0.1


def run(steps):
    """Go through a session, a generator that yields seconds in which the window lives, and leave Blender."""

    def tick():
        try:
            return next(steps)
        except StopIteration:
            pass
        except BaseException:
            traceback.print_exc()
            picture("broke")
        bpy.ops.wm.quit_blender()

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


def _find(command, kind):
    """Go over a sidebar as it is scrolled, then over its upper and its lower part; the place of a button, or None."""
    for turns in (0, -30, 30):
        _scroll(kind, turns)
        yield 0.3
        region = sidebar(kind)
        for column in COLUMNS_PX:
            x = region.x + (round(region.width * column) if column > 0 else region.width + column)
            for y in range(region.y + region.height - STEP_PX, region.y, -STEP_PX):
                _mouse("MOUSEMOVE", "NOTHING", (x, y))
                yield 0.01
                if _hovered(kind).startswith(command):
                    return x, y
    return None


def _hovered(kind):
    """The command of the button under the mouse, such as "bpy.ops.headroom.perform()"; Blender only copies it."""
    manager = bpy.context.window_manager
    with bpy.context.temp_override(window=window(), area=area_of(kind), region=sidebar(kind)):
        if not bpy.ops.ui.copy_python_command_button.poll():
            return ""
        bpy.ops.ui.copy_python_command_button()
    return manager.clipboard


def _scroll(kind, turns):
    region = sidebar(kind)
    place = region.x + region.width // 3, region.y + region.height // 2
    _mouse("MOUSEMOVE", "NOTHING", place)
    for _ in range(abs(turns)):
        _mouse("WHEELDOWNMOUSE" if turns > 0 else "WHEELUPMOUSE", "PRESS", place)


def _mouse(kind, value, place):
    window().event_simulate(type=kind, value=value, x=place[0], y=place[1])
