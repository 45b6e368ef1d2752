"""Labels, tooltips and wrapped texts of the interface."""


def test_every_label_is_its_operators_name_in_title_case(panel):
    for operator in panel.module("ui").CLASSES:
        if "_OT_" in operator.__name__:
            label = operator.bl_label
            assert operator.bl_idname == f"headroom.{label.lower().replace(' ', '_')}"
            assert operator.__name__ == f"HEADROOM_OT_{operator.bl_idname.partition('.')[2]}"


def test_tooltips_end_without_a_full_stop_and_every_setting_has_one(panel):
    shown = [panel.module("ui.properties").HeadroomSettings, panel.module("ui.preferences").HeadroomPreferences]
    tooltips = [group.bl_rna.properties[name].description for group in shown for name in group.__annotations__]
    tooltips += [operator.__doc__ for operator in panel.module("ui").CLASSES if "_OT_" in operator.__name__]
    assert [text for text in tooltips if not text or text.endswith(".")] == []


def test_texts_wrap_to_the_width_that_their_letters_need(panel):
    layout = panel.module("ui.layout")
    text = "Only learn people who know how their face will be used and have agreed."
    for width in (120, 190, 400):
        lines = layout.wrapped(text, width, 11.0)
        assert " ".join(lines) == text
        assert all(layout.blf.dimensions(layout.INTERFACE_FONT, line)[0] <= width for line in lines), (width, lines)
    assert len(layout.wrapped(text, 1000, 11.0)) == 1 and len(layout.wrapped(text, 0, 11.0)) > 3
