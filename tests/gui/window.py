"""Helpers of the scripts in Blender: the extension, editors and sidebars, the mouse, screenshots, and the end."""

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
EXIT_ERROR = 3
STEP_PX = 16
"""Less than the height of a button."""
HEADER_BELOW_PX = 32
"""From the middle of a row to the middle of the next panel's header."""
LAST_HEADER_PX = 14
"""From the lower edge of a sidebar that is scrolled to its end to the middle of the last header."""
DRAG_PX = 4
"""Movement by which Blender recognises a drag; what is dragged follows the mouse from there on."""
HEADER_PX = 26
"""Height of a closed panel."""
WIDE, RIGHT = 0.4, -48
"""Column in which the mouse moves down a sidebar: a fraction of its width, or pixels from its right edge, where small
buttons are."""
TOP, BOTTOM = -60, 60
"""Steps of the mouse wheel, more than needed to reach the top or bottom."""
VIEW, VIEWS = 6, 12
"""Steps of the mouse wheel to the next part of a sidebar, and how many parts are searched."""


def module(name):
    return importlib.import_module(f"{PACKAGE}.{name}")


def install():
    """Install the built zip and empty the scene."""
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
    """Open sidebars and show a tab, by default the extension's."""
    for kind in kinds:
        sidebar(kind)
    yield 1.0
    for kind in kinds:
        sidebar(kind).active_panel_category = tab
    yield 1.0


def shot():
    return module("scene.build.shot").shots_in(bpy.context.scene)[0]


def until(condition, seconds=8.0):
    """Let Blender run until a condition is met, at most for some seconds; return whether it is met."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        yield 0.02
    return condition()


def finished(before=lambda view: False, seconds=JOB_SECONDS):
    """Let Blender run until the newest job has ended or `before` is true of it; return the job."""
    end = time.monotonic() + seconds
    while (view := module("ui.jobs").views()[0]).is_running and not before(view):
        assert time.monotonic() < end, view
        yield 0.02
    return view


def picture(name):
    """Take a screenshot, where the machine has ImageMagick."""
    with open(FOLDER / f"{name}.log", "w") as log:
        try:
            subprocess.run(["import", "-window", "root", str(FOLDER / f"{name}.png")], stderr=log, check=False)
        except OSError:
            log.write("ImageMagick's import is not installed")


def click(button, condition, scrolled=0, column=WIDE, kind="VIEW_3D"):
    """Click a button of a sidebar, such as "perform_speech", until the condition that it causes is met."""
    for _ in range(TRIES):
        place = yield from place_of(button, scrolled, column, kind)
        yield from press(place)
        if (yield from until(condition, 1.0)):
            return
    raise AssertionError(f"{button} was clicked without effect")


def place_of(button, scrolled=0, column=WIDE, kind="VIEW_3D"):
    """Return the position in the window of a button or a field, such as "headroom.head.gain".

    The editor's sidebar is scrolled to its TOP or BOTTOM first, and then down until the button is found.
    """
    scroll(scrolled, kind)
    for _ in range(VIEWS):
        yield 0.3
        if place := (yield from _shown(button, column, kind)):
            return place
        scroll(VIEW, kind)
    raise AssertionError(f"{button} is not in the sidebar")


def _shown(button, column, kind):
    """Move the mouse down what is shown of a sidebar; return where the button is, or None."""
    region = sidebar(kind)
    x = region.x + (round(region.width * column) if column > 0 else region.width + column)
    for y in range(region.y + region.height - STEP_PX, region.y, -STEP_PX):
        _mouse("MOUSEMOVE", "NOTHING", (x, y))
        yield 0.01
        if not _is(button, kind):
            continue
        for behind in (0, STEP_PX, 2 * STEP_PX):  # Blender may have reported an earlier position of the mouse
            _mouse("MOUSEMOVE", "NOTHING", (x, y + behind))
            yield 0.3
            if _is(button, kind):
                return x, y + behind
    return None


def press(place):
    """Click at a position."""
    yield from drag(place, 0, 0)


def drag(place, right, up):
    """Press the mouse at a position, move it by some pixels, and release it.

    A strip or a key that is dragged to the right moves by DRAG_PX less.
    """
    for aside in (2, 0):  # an editor notices the mouse when it moves
        _mouse("MOUSEMOVE", "NOTHING", (place[0] + aside, place[1]))
        yield 0.15
    _mouse("LEFTMOUSE", "PRESS", place)
    yield 0.15
    length = max(abs(right), abs(up))
    for part in (min(1.0, DRAG_PX / length), 0.5, 0.75, 1.0) if length else ():
        _mouse("MOUSEMOVE", "NOTHING", (place[0] + round(right * part), place[1] + round(up * part)))
        yield 0.1
    _mouse("LEFTMOUSE", "RELEASE", (place[0] + right, place[1] + up))
    yield 0.15


def main_region(kind):
    return next(region for region in area_of(kind).regions if region.type == "WINDOW")


def place_in(kind, x, y):
    """Return the position in the window of a frame and a value or channel of an editor."""
    region = main_region(kind)
    across, up = region.view2d.view_to_region(x, y, clip=False)
    return region.x + across, region.y + up


def unfold_last(above=0):
    """Open the sidebar's last panel, which is closed, or a closed one so many headers above it."""
    scroll(BOTTOM)
    yield from scrolled_to_the_end()
    region = sidebar()
    yield from press((region.x + round(region.width * WIDE), region.y + LAST_HEADER_PX + above * HEADER_PX))
    yield 0.5


def scrolled_to_the_end():
    """Let Blender run until the sidebar stands still; without a graphics card each step of the wheel takes a while."""
    before = None
    for _ in range(20):
        yield 1.0
        now = sidebar().view2d.region_to_view(0, 0)
        if now == before:
            return
        before = now


def unfold_to(button, above=0):
    """Open a closed panel near the sidebar's end, as `unfold_last` does, until a button of it is found."""
    for _ in range(TRIES):
        yield from unfold_last(above)
        try:
            yield from place_of(button, BOTTOM)
            return
        except AssertionError:  # a busy Blender may miss a click
            picture(f"no {button}")
    raise AssertionError(f"the panel of {button} does not open")


def unfold_below(place):
    """Open the panel below the row at a position."""
    yield from press((place[0] - sidebar().width // 2, place[1] - HEADER_BELOW_PX))
    yield 0.5


def new_job():
    """Return the condition that a new job has started."""
    views = module("ui.jobs").views
    newest = max((view.number for view in views()), default=0)
    return lambda: max((view.number for view in views()), default=0) > newest


def run(steps):
    """Run a session, a generator that yields pauses in seconds, and quit Blender."""

    def tick():
        try:
            return next(steps)
        except StopIteration:
            pass
        except BaseException:
            traceback.print_exc()
            picture("error")
            sys.stderr.flush()
            os._exit(EXIT_ERROR)  # quitting may wait forever for what the session has not finished
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
    """Return whether the mouse is over a button or a field."""
    hovered = _hovered(kind)
    return hovered == button or hovered.startswith(f"bpy.ops.headroom.{button}(")


def _hovered(kind):
    """Return what is under the mouse, such as "bpy.ops.headroom.perform_speech()" or "headroom.seed".

    Blender has no function for it, only buttons that copy it to the clipboard.
    """
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
