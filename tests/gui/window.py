"""Inside Blender: what the sessions share. The extension, editors and their sidebars, the mouse, pictures, the end."""

import importlib
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy

ARCHIVE, FOLDER = (Path(each) for each in sys.argv[sys.argv.index("--") + 1:])
PACKAGE = "bl_ext.user_default.headroom"
JOB_SECONDS = 150.0
TRIES = 3
BROKE = 3
STEP_PX = 16
"""Less than the height of a button."""
HEADER_BELOW_PX = 32
"""From the middle of a row to the middle of the next panel's header."""
LAST_HEADER_PX = 14
"""From the lower edge of a sidebar that is scrolled to its end to the middle of a header there."""
WIDE, RIGHT = 0.4, -48
"""Where the mouse goes down a sidebar: a part of its width, or beside its right edge, where small buttons are."""
TOP, BOTTOM = -30, 30
"""Turns of the mouse wheel, more than there is to scroll."""


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


def show_tab(*kinds, tab="Headroom"):
    """Open sidebars with a tab in front, the extension's own unless another is named."""
    for kind in kinds:
        sidebar(kind)
    yield 1.0
    for kind in kinds:
        sidebar(kind).active_panel_category = tab
    yield 1.0


def shot():
    return module("scene.build.shot").shots_in(bpy.context.scene)[0]


def until(true, seconds=8.0):
    """Let Blender live until something is so, or for a few seconds; whether it came to be so."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        yield 0.02
    return true()


def finished(before=lambda view: False, seconds=JOB_SECONDS):
    """Let Blender draw until the newest job has ended, or `before` says so; returns it."""
    end = time.monotonic() + seconds
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


def click(button, true, scrolled=0, column=WIDE, kind="VIEW_3D"):
    """Click a button of a sidebar, such as "perform", until something is so that it does."""
    for _ in range(TRIES):
        place = yield from place_of(button, scrolled, column, kind)
        yield from press(place)
        if (yield from until(true, 1.0)):
            return
    raise AssertionError(f"{button} was clicked and did nothing")


def place_of(button, scrolled=0, column=WIDE, kind="VIEW_3D"):
    """Where a button or a field, such as "headroom.head.gain", is drawn, in the window.

    The mouse goes down the editor's sidebar, once it is at its TOP or BOTTOM.
    """
    scroll(scrolled, kind)
    yield 0.3
    region = sidebar(kind)
    x = region.x + (round(region.width * column) if column > 0 else region.width + column)
    for y in range(region.y + region.height - STEP_PX, region.y, -STEP_PX):
        _mouse("MOUSEMOVE", "NOTHING", (x, y))
        yield 0.01
        if not _is(button, kind):
            continue
        for behind in (0, STEP_PX, 2 * STEP_PX):  # Blender may have told of a place the mouse had left
            _mouse("MOUSEMOVE", "NOTHING", (x, y + behind))
            yield 0.3
            if _is(button, kind):
                return x, y + behind
    raise AssertionError(f"{button} is not in the sidebar")


def press(place):
    """Click there."""
    yield from drag(place, 0, 0)


def drag(place, right, up):
    """Press the mouse there, move it by so many pixels, let it go."""
    for aside in (2, 0):  # an editor takes notice of the mouse once it has moved in it
        _mouse("MOUSEMOVE", "NOTHING", (place[0] + aside, place[1]))
        yield 0.15
    _mouse("LEFTMOUSE", "PRESS", place)
    yield 0.15
    for part in (0.25, 0.5, 0.75, 1.0) if right or up else ():
        _mouse("MOUSEMOVE", "NOTHING", (place[0] + round(right * part), place[1] + round(up * part)))
        yield 0.1
    _mouse("LEFTMOUSE", "RELEASE", (place[0] + right, place[1] + up))
    yield 0.15


def main_region(kind):
    return next(region for region in area_of(kind).regions if region.type == "WINDOW")


def place_in(kind, x, y):
    """Where an editor draws a frame and a value or channel, in the window."""
    region = main_region(kind)
    across, up = region.view2d.view_to_region(x, y, clip=False)
    return region.x + across, region.y + up


def unfold_last():
    """Click the header of the sidebar's last panel, which is folded."""
    scroll(BOTTOM)
    yield 0.5
    region = sidebar()
    yield from press((region.x + round(region.width * WIDE), region.y + LAST_HEADER_PX))
    yield 0.5


def unfold_below(place):
    """Click the header of the panel that begins below what is drawn at a place."""
    yield from press((place[0] - sidebar().width // 2, place[1] - HEADER_BELOW_PX))
    yield 0.5


def new_job():
    """What is so once another job than those that are there has begun."""
    views = module("ui.jobs").views
    newest = max((view.number for view in views()), default=0)
    return lambda: max((view.number for view in views()), default=0) > newest


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
            sys.stderr.flush()
            os._exit(BROKE)  # leaving in order may wait for ever for what the session has left unfinished
        bpy.ops.wm.quit_blender()

    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(tick, first_interval=1.0, persistent=True)


def scroll(turns, kind="VIEW_3D"):
    """Turn the mouse wheel over an editor's sidebar."""
    region = sidebar(kind)
    place = region.x + region.width // 3, region.y + region.height // 2
    _mouse("MOUSEMOVE", "NOTHING", place)
    for _ in range(abs(turns)):
        _mouse("WHEELDOWNMOUSE" if turns > 0 else "WHEELUPMOUSE", "PRESS", place)


def _is(button, kind):
    """Whether the mouse is over a button or a field."""
    hovered = _hovered(kind)
    return hovered == button or hovered.startswith(f"bpy.ops.headroom.{button}(")


def _hovered(kind):
    """What is under the mouse, such as "bpy.ops.headroom.perform()" or "headroom.seed"; Blender only copies it."""
    manager = bpy.context.window_manager
    with bpy.context.temp_override(window=window(), area=area_of(kind), region=sidebar(kind)):
        if bpy.ops.ui.copy_python_command_button.poll():
            bpy.ops.ui.copy_python_command_button()
        elif bpy.ops.ui.copy_data_path_button.poll():
            bpy.ops.ui.copy_data_path_button()
        else:
            return ""
    return manager.clipboard


def _mouse(kind, value, place):
    window().event_simulate(type=kind, value=value, x=place[0], y=place[1])
