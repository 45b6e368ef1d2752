"""Translation: the template is complete, and translated text reaches the panel, the buttons and the job list."""

import ast
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from stand_ins import FakeBackend, tiny_subject

import extract_translations
from addon.translations import read_catalogs
from addon.translations.catalog import OPERATOR_CONTEXT, entry_text, placeholders, read_catalog

ADDON = Path(__file__).resolve().parents[2] / "addon"
TEMPLATE = extract_translations.TEMPLATE


def pseudo(text):
    """Return a pseudo-translation with the same placeholders."""
    return f"¡{text}!"


def pseudo_catalog(path):
    """Write the template with every text pseudo-translated."""
    def translate(match):
        text = ast.literal_eval(match[1])
        return match[0] if not text else match[0].replace('msgstr ""', f'msgstr "{pseudo(match[1][1:-1])}"')

    path.write_text(re.sub(r'msgid (".*")\nmsgstr ""', translate, TEMPLATE.read_text(encoding="utf-8")),
                    encoding="utf-8")
    return path


@pytest.fixture
def translated(headroom, tmp_path, monkeypatch):
    """The add-on in a pseudo-language. Blender as a Python module is built without languages, so it is given one."""
    catalog = read_catalog(pseudo_catalog(tmp_path / "xx.po"))

    def look_up(text, context="*"):
        return catalog.get((context, text), text)

    language = SimpleNamespace(pgettext_iface=look_up, pgettext_tip=look_up, pgettext_rpt=look_up)
    monkeypatch.setattr(headroom.module("ui.text"), "translations", language)
    preferences = headroom.module("ui.preferences")
    chosen = preferences.preferences(headroom.bpy.context)
    chosen.where, chosen.url = "SERVER", "http://127.0.0.1:9"
    headroom.jobs = headroom.module("ui.jobs")
    headroom.jobs.clear()
    yield headroom
    headroom.jobs.stop_all()


class Layout:
    """A layout that stores the texts drawn on it."""

    def __init__(self, texts):
        self.texts = texts

    def __getattr__(self, name):
        def draw(*arguments, text=None, **settings):
            self.texts.append(text)
            return self

        return draw

    def panel(self, *arguments, **settings):
        return self, self


def drawn(headroom, panel):
    """Return the texts of a panel that are not left to Blender."""
    texts, bpy = [], headroom.bpy
    context = SimpleNamespace(
        scene=headroom.scene, active_object=None, region=SimpleNamespace(width=9999),
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0), addons=bpy.context.preferences.addons,
                                    ui_styles=bpy.context.preferences.ui_styles))
    panel.draw(SimpleNamespace(layout=Layout(texts)), context)
    return texts


def test_the_template_is_up_to_date():
    assert TEMPLATE.read_text(encoding="utf-8") == extract_translations.template(), "run extract_translations.py"


@pytest.mark.parametrize(("context", "text"), [
    (OPERATOR_CONTEXT, "Learn Subject"),
    ("*", "Learn a person from a clip or a photo, and open the subject in the scene"),
    ("*", "Plate Fit"), ("*", "Whole Clip"), ("*", "No subject in the scene"), ("*", "Loading the networks"),
    ("*", "The backend was stopped while it started. Start it again."), ("*", "Cannot run {program}: {reason}."),
])
def test_the_template_has_labels_tooltips_settings_messages_errors_and_progress(context, text):
    assert entry_text(context, text) in TEMPLATE.read_text(encoding="utf-8")


def calls_of_message():
    for path in sorted(ADDON.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "message":
                yield path, node


def test_every_message_is_a_literal_with_a_value_for_each_placeholder():
    for path, node in calls_of_message():
        (first,) = node.args
        texts = [text.text for text in extract_translations._literals(first)]
        assert texts, f"{path}:{node.lineno} is no literal"
        names = {field.partition("!")[0] for text in texts for field in placeholders(text) or ()}
        assert names == {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno}"


def test_a_catalog_gives_back_what_a_translator_wrote(tmp_path):
    path = tmp_path / "de_DE.po"
    path.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
                    + entry_text("*", 'Say "{word}"\n', 'Sag „{word}“\n') + "\n"
                    + 'msgctxt "Operator"\nmsgid ""\n"Two "\n"lines"\nmsgstr ""\n"Zwei "\n"Zeilen"\n\n'
                    + "#, fuzzy\n" + entry_text("*", "Guessed", "Geraten") + "\n" + entry_text("*", "Open"),
                    encoding="utf-8")
    assert read_catalogs(tmp_path) == {
        "de_DE": {("*", 'Say "{word}"\n'): 'Sag „{word}“\n', ("Operator", "Two lines"): "Zwei Zeilen"}}


@pytest.mark.parametrize("translation", ["Bild {number}", "Bild", "Bild {frame:x}", "Bild {frame", "Bild {frame} {x}"])
def test_a_translation_with_other_placeholders_is_left_out(tmp_path, translation):
    path = tmp_path / "de_DE.po"
    path.write_text(entry_text("*", "Frame {frame}", translation), encoding="utf-8")
    assert read_catalog(path) == {}


def test_every_text_survives_a_pseudo_translation(tmp_path):
    catalog = read_catalog(pseudo_catalog(tmp_path / "xx.po"))
    assert len(catalog) == TEMPLATE.read_text(encoding="utf-8").count("\nmsgid ") - 1  # all but the header
    assert all(translation == pseudo(text) for (_, text), translation in catalog.items())


def test_translated_text_reaches_the_panel(translated):
    texts = drawn(translated, translated.module("ui.panels").HEADROOM_PT_main)
    assert "¡Server http://127.0.0.1:9!" in texts
    texts = drawn(translated, translated.module("ui.panels").HEADROOM_PT_learn)
    assert "¡Only learn people who know how their face will be used and have agreed.!" in texts


def test_a_disabled_reason_is_translated(translated):
    with pytest.raises(RuntimeError, match="¡No subject in the scene!"):
        translated.bpy.ops.headroom.render_shot()


def test_reports_errors_and_the_job_list_are_translated(translated, tmp_path, monkeypatch):
    backend = FakeBackend()
    monkeypatch.setattr(translated.module("ui.preferences").Connection, "client", lambda self, address: backend)
    translated.bpy.ops.headroom.check_backend()
    (view,) = translated.jobs.views()
    assert (view.title, view.message) == ("¡Check Backend!", "¡The backend is ready. It runs on a fake device.!")

    translated.scene.headroom.subject = str(tiny_subject(tmp_path / "s"))
    translated.bpy.ops.headroom.open_subject()
    with pytest.raises(RuntimeError, match=r"¡Save the \.blend file first"):
        translated.scene.headroom.output = "/a.mp4"
        translated.bpy.ops.headroom.copy_as_command_line(kind="render")


def test_a_message_with_a_message_inside_is_translated_whole(translated):
    message = translated.module("core.messages").message
    inner = message("The backend stopped")
    text = message("{event}: {reason}", event=inner, reason="no memory")
    assert text == "The backend stopped: no memory"
    assert translated.module("ui.text").report_text(text) == "¡¡The backend stopped!: no memory!"


def test_blender_shows_a_registered_language(headroom):
    bpy = headroom.bpy
    if not bpy.app.build_options.international:
        pytest.skip("bpy packages are built without languages")
    view, package = bpy.context.preferences.view, "headroom test"
    bpy.app.translations.register(package, {"de_DE": {("*", "Plate Fit"): "Passung"}})
    try:
        view.language, view.use_translate_interface = "de_DE", True
        assert headroom.module("ui.text").interface_text("Plate Fit") == "Passung"
    finally:
        view.language = "DEFAULT"
        bpy.app.translations.unregister(package)
