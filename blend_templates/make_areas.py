"""Write blend_templates/areas.blend, from which make_template.py makes the shot template.

`blender --factory-startup --python blend_templates/make_areas.py`, with a window: without one, Blender can neither
close areas nor change the workspace. Use a Blender that is older than every one the extension supports, because newer
ones open older files. The file has one workspace whose areas hold placeholders of the editors, so that the editors are
made by the Blender that makes the template.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.append(str(Path(__file__).resolve().parent))

from make_template import AREAS, PLACEHOLDERS

SOURCE, CANVAS = "2D_Animation", "2D Full Canvas"  # Blender's workspace of a large view above two low editors
LOWEST, TIMELINE_HEIGHT, BELOW_VIEW, GRAPH_WIDTH, HALF = 0.01, 0.09, 0.42, 0.64, 0.5
PAUSE_SECONDS = 1.0
"""Time in which Blender changes the workspace and draws new areas."""


def make() -> Iterator[float]:
    """Write the file; each number yielded is a pause in seconds during which Blender runs."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    yield PAUSE_SECONDS
    (folder,) = bpy.utils.app_template_paths(path=SOURCE)
    bpy.ops.workspace.append_activate(idname=CANVAS, filepath=str(Path(folder) / "startup.blend"))
    yield PAUSE_SECONDS
    window = bpy.context.window_manager.windows[0]
    bpy.data.batch_remove([each for each in bpy.data.workspaces if each != window.workspace])
    with bpy.context.temp_override(window=window):  # the workspace has a second layout, which is left over
        bpy.ops.screen.screen_set(delta=1)
    yield PAUSE_SECONDS
    with bpy.context.temp_override(window=window):
        bpy.ops.screen.delete()
    yield PAUSE_SECONDS
    yield from divide(window)
    for data in (bpy.data.brushes, bpy.data.palettes):  # the workspace brings some along
        bpy.data.batch_remove(list(data))
    bpy.ops.wm.save_as_mainfile(filepath=str(AREAS), compress=True, check_existing=False)
    AREAS.with_suffix(".blend1").unlink(missing_ok=True)


def divide(window: bpy.types.Window) -> Iterator[float]:
    """Close all areas but a timeline, and divide it into the areas of a shot."""
    view = min(window.screen.areas, key=lambda area: area.height)
    for area in [each for each in window.screen.areas if each != view]:
        with bpy.context.temp_override(window=window, area=area):
            bpy.ops.screen.area_close()
        yield PAUSE_SECONDS
    folded = split(window, view, "HORIZONTAL", LOWEST)
    yield PAUSE_SECONDS
    properties = split(window, folded, "VERTICAL", HALF)
    timeline = split(window, view, "HORIZONTAL", TIMELINE_HEIGHT)
    yield PAUSE_SECONDS
    graph_editor = split(window, view, "HORIZONTAL", BELOW_VIEW)
    yield PAUSE_SECONDS
    sequencer = split(window, graph_editor, "VERTICAL", GRAPH_WIDTH)
    yield PAUSE_SECONDS
    for kind, area in {"VIEW_3D": view, "FCURVES": graph_editor, "SEQUENCE_EDITOR": sequencer, "TIMELINE": timeline,
                       "OUTLINER": folded, "PROPERTIES": properties}.items():
        area.ui_type = PLACEHOLDERS[kind]
    yield PAUSE_SECONDS


def split(window: bpy.types.Window, area: bpy.types.Area, direction: str, factor: float) -> bpy.types.Area:
    """Split an area at `factor` and return the new one: below, or on the right."""
    before = set(window.screen.areas)
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.screen.area_split(direction=direction, factor=factor)
    (new,) = set(window.screen.areas) - before
    return new


def run(steps: Iterator[float]) -> None:
    """Take the steps from a timer, and end Blender after the last one."""
    def take_step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            print(AREAS)
        except Exception:
            traceback.print_exc()
        bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(take_step, first_interval=PAUSE_SECONDS, persistent=True)


if __name__ == "__main__":
    run(make())
