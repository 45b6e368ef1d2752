"""Panels beside the window show what a timer found of files: drawing opens none and looks for none."""

import builtins
import io
import os
from contextlib import suppress
from types import SimpleNamespace

import pytest
from stand_ins import Row


@pytest.fixture
def found(headroom, monkeypatch):
    """The module, as beside a window; `drawn` has one entry for each time that panels are drawn again."""
    module = headroom.module("ui.found_files")
    app = SimpleNamespace(background=False, timers=headroom.bpy.app.timers)
    monkeypatch.setattr(module, "bpy", SimpleNamespace(app=app))
    module.drawn = []
    monkeypatch.setattr(module, "redraw_sidebars", lambda: module.drawn.append(True))
    yield module
    module.unregister()


def test_a_panel_shows_what_a_timer_found_and_finds_replaced_files(headroom, found, monkeypatch, tmp_path):
    file, timers, looked = tmp_path / "clip", headroom.bpy.app.timers, []
    sizes = found.Found(lambda path: looked.append(path) or path.stat().st_size, unknown=-1)

    def is_shown():
        shown = sizes.shown(file), looked.copy()
        looked.clear()
        return shown

    file.write_bytes(b"12")
    assert is_shown() == (-1, []) and timers.is_registered(found.find_again)
    found.find_again()
    assert (looked, found.drawn) == ([file], [True])
    looked.clear()
    timers.unregister(found.find_again)
    assert is_shown() == (2, []) and not timers.is_registered(found.find_again), "known for a while"
    file.write_bytes(b"123")
    monkeypatch.setattr(found, "HOLDS_SECONDS", 0.0)
    assert is_shown() == (2, []) and timers.is_registered(found.find_again)
    found.find_again()
    assert is_shown() == (3, [file]) and found.drawn == [True, True]
    found.find_again()
    assert found.drawn == [True, True], "nothing has changed"


class Layout(Row):
    """A layout whose subpanels are open."""

    def panel(self, *arguments, **settings):
        return self, self


class Context:
    """Blender's context, with a wide region and an interface scale, which there is none without a window."""

    region = SimpleNamespace(width=9999)

    def __init__(self, context):
        self._context, chosen = context, context.preferences
        self.preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0, use_online_access=False),
                                           addons=chosen.addons, ui_styles=chosen.ui_styles)

    def __getattr__(self, name):
        return getattr(self._context, name)


def draw_everything(headroom):
    """Draw every panel and menu, and ask every button why it is disabled, as Blender does when it draws."""
    context = Context(headroom.bpy.context)
    for each in headroom.module("ui").CLASSES:
        if issubclass(each, headroom.bpy.types.Panel | headroom.bpy.types.Menu):
            if getattr(each, "poll", lambda _: True)(context):
                each.draw(SimpleNamespace(layout=Layout(), kind="render", is_popover=False), context)
        elif hasattr(each, "disabled_reason"):
            each.disabled_reason(context)
    setup, chosen = headroom.module("ui.setup"), headroom.module("ui.preferences").preferences(context)
    setup.draw_setup(Layout(), context, "A reason.")
    setup.draw_preferences(Layout(), context)
    return chosen.fingerprint


@pytest.mark.parametrize("where", ["LOCAL", "SERVER"])
def test_drawing_opens_no_file_and_looks_for_none(headroom, found, files, monkeypatch, where):
    chosen = headroom.module("ui.preferences").preferences(headroom.bpy.context)
    chosen.where, chosen.url = where, "https://render.studio:8765"
    settings = headroom.scene.headroom
    settings.subject, settings.speech, settings.clip = str(files[0]), str(files[1]), str(files[1])
    settings.output, settings.name = str(files[1].with_name("shot.mp4")), "Robin"
    headroom.bpy.ops.headroom.open_subject()
    headroom.module("ui.managed_backend").find_state()
    check = headroom.module("ui.clip_check")
    check._collection.clear()
    check._collection.new("square")
    part, result = check.chosen_part(headroom.bpy.context, lambda _: 0), SimpleNamespace(
        usable_seconds=2.0, notes=(), people=1)
    monkeypatch.setattr(check, "_last", check.LastCheck(part, result, "square"))
    opened = []
    for module, name in ((os, "stat"), (os, "scandir"), (os, "listdir"), (io, "open"), (builtins, "open")):
        monkeypatch.setattr(module, name, recorded(getattr(module, name), opened))
    draw_everything(headroom)
    assert opened == []
    found.find_again()
    assert {str(files[1])} <= set(map(str, opened)), "the timer looks instead"


def recorded(function, opened):
    """Return the function; it also lists its first arguments."""
    return lambda path=".", *arguments, **options: opened.append(path) or function(path, *arguments, **options)


def test_what_was_found_while_setting_up_is_not_shown_as_if_it_went_on(headroom, found):
    managed, states = headroom.module("ui.managed_backend"), headroom.module("core.environment").State
    with managed.environment()._activity_of(states.INSTALLING):
        managed.find_state()
        assert managed.state() is states.INSTALLING
    assert managed.state() is states.NOT_INSTALLED


@pytest.mark.parametrize("after", ["READY", "FAILED"])
def test_how_setting_up_ended_is_shown_at_once(headroom, found, monkeypatch, after):
    managed, environment = headroom.module("ui.managed_backend"), headroom.module("core.environment")
    errors = headroom.module("core.errors")
    monkeypatch.setattr(environment.Environment, "state", environment.State.NOT_INSTALLED)
    managed.find_state()

    def work(token):
        monkeypatch.setattr(environment.Environment, "state", environment.State[after])
        if after == "FAILED":
            raise errors.HeadroomError("The disk is full.")

    with suppress(errors.HeadroomError):
        headroom.module("ui.setup")._start("Set Up Backend", work, str)
    assert managed.state() is environment.State[after] and not headroom.bpy.app.timers.is_registered(found.find_again)
