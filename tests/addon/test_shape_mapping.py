"""Shapes of characters are recognised by their names, and play what a take has; all without Blender."""

import numpy as np
import pytest
from add_on_causes import core

arkit, names_module, mapping, visemes = (core(name) for name in ("arkit", "shape_names", "shape_mapping", "visemes"))
Phone = core("phones").Phone
OCULUS = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")
MPFB_MICROSOFT = (
    "aa_02", "aa_ah_ax_01", "ao_03", "aw_09", "ay_11", "d_t_n_19", "er_05", "ey_eh_uh_04", "f_v_18", "h_12",
    "k_g_ng_20", "l_14", "ow_08", "oy_10", "p_b_m_21", "r_13", "sh_ch_jh_zh_16", "sil_00", "s_z_15", "th_dh_17",
    "w_uw_07", "y_iy_ih_ix_06")
SPEECH = (Phone("SIL", 0.0, 0.2, 1.0), Phone("M", 0.2, 0.35, 1.0), Phone("AY", 0.35, 0.75, 1.0),
          Phone("F", 0.75, 0.85, 1.0), Phone("UW", 0.85, 1.1, 1.0), Phone("SIL", 1.1, 1.5, 1.0))
SECONDS = np.arange(38) / 25


def sources(names):
    return {each.name: each.source for each in mapping.map_shapes(names)}


def at(values, seconds):
    return values[round(seconds * 25)]


def test_the_names_are_those_of_the_backend():
    backend = pytest.importorskip("headroom.face.controls.names")
    assert arkit.ARKIT_NAMES == backend.CONTROL_NAMES
    for choices in arkit.NEIGHBOURS.values():
        assert {name for choice in choices for name in choice} <= set(backend.CONTROL_NAMES)


@pytest.mark.parametrize("spell", [
    lambda name: name, lambda name: name[0].upper() + name[1:], str.lower, str.upper,
    lambda name: name.replace("Left", "_L").replace("Right", "_R"), lambda name: f"!ex-{name}",
    lambda name: name.replace("Left", ".L").replace("Right", ".R"), lambda name: f"blendShape1.{name}",
    lambda name: f"ARKit_{name}", lambda name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name),
    lambda name: ("L_" if name.endswith("Left") else "") + name.removesuffix("Left"),
    lambda name: f"Head:Face {name}"])
def test_arkit_is_recognised_in_all_its_spellings(spell):
    found = sources([spell(name) for name in arkit.ARKIT_NAMES])
    assert found == {spell(name): name for name in arkit.ARKIT_NAMES}


def test_a_shape_of_both_sides_plays_their_mean_unless_each_has_its_own():
    assert sources(["mouthSmile", "jawOpen"])["mouthSmile"].startswith("0.5 mouthSmileLeft + 0.5 mouthSmileRight")
    assert "blink" not in sources(["blink", "blinkLeft", "blinkRight", "eyeBlinkLeft", "eyeBlinkRight"])


def test_a_missing_shape_is_played_by_its_neighbour():
    lessened = [name for name in arkit.ARKIT_NAMES if name not in ("mouthClose", "mouthDimpleLeft", "tongueOut")]
    found = sources(lessened)
    assert found["jawOpen"] == "jawOpen - mouthClose"
    assert found["mouthSmileLeft"] == "mouthSmileLeft + 0.5 mouthDimpleLeft"
    assert found["mouthSmileRight"] == "mouthSmileRight"
    controls = {"jawOpen": np.full(3, 0.8), "mouthClose": np.full(3, 0.8)}
    values = mapping.evaluate(mapping.map_shapes(lessened), controls, (), np.arange(3) / 25)
    assert values["jawOpen"] == pytest.approx(0)  # the lips stay closed


@pytest.mark.parametrize(("names", "title"), [
    (["aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight", "lookUp"], "VRM 1"),
    (["A", "I", "U", "E", "O", "Blink_L", "Blink_R", "Joy"], "VRM 0"),
    ([f"Fcl_MTH_{name}" for name in "AIUEO"] + ["Fcl_EYE_Close_L", "Fcl_EYE_Close_R", "Fcl_ALL_Joy"], "VRM 0"),
    ([f"viseme_{name}" for name in OCULUS] + ["mouthSmile", "eyesClosed"], "Oculus"),
    ([f"vrc.v_{name.lower()}" for name in OCULUS], "Oculus"), (OCULUS, "Oculus"),
    ([f"viseme_{number}" for number in range(22)], "Microsoft"), (MPFB_MICROSOFT, "Microsoft"),
    (list("ABCDEFGHX"), "Rhubarb"), ([f"Mouth {name}" for name in "ABCDEF"], "Rhubarb")])
def test_sets_of_visemes_are_recognised(names, title):
    found, shapes = names_module.viseme_set_of(names)
    assert found == title and set(shapes.values()) <= set(visemes.SETS[title].names)
    spoken = {source for source in sources(names).values() if source.startswith(title)}
    assert len(spoken) == len(shapes)


def test_every_microsoft_viseme_of_mpfb2_has_the_number_of_its_name():
    _, shapes = names_module.viseme_set_of(MPFB_MICROSOFT)
    assert {name: int(name[-2:]) for name in MPFB_MICROSOFT} == {name: int(shape) for name, shape in shapes.items()}


def test_vrm_blinks_and_looks_play_the_eyes():
    found = sources(["aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft", "blinkRight", "lookLeft", "relaxed"])
    assert found["blinkLeft"].startswith("eyeBlinkLeft") and "relaxed" not in found
    assert found["lookLeft"] == "0.5 eyeLookOutLeft + 0.5 eyeLookInRight"


def test_a_character_with_arkits_mouth_does_not_speak_twice():
    found = sources([*arkit.ARKIT_NAMES, *(f"viseme_{name}" for name in OCULUS)])
    assert set(found) == set(arkit.ARKIT_NAMES)


@pytest.mark.parametrize("names", [["Key 1", "smile", "Hair_B"], list("ABC"), []])
def test_other_names_are_left_alone(names):
    assert sources(names) == {}


@pytest.mark.parametrize("title", visemes.SETS)
def test_every_phone_has_mouth_shapes_of_the_set(title):
    phones = ("AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH "
              "SIL").split()
    one = visemes.SETS[title]
    assert set(one.phones) == set(phones)
    assert {part.partition("*")[0] for shapes in one.phones.values() for part in shapes.split()} <= set(one.names)


def test_mouth_shapes_follow_the_phones_and_blend():
    weights = visemes.viseme_weights(visemes.SETS["Oculus"], SPEECH, SECONDS)
    assert at(weights["PP"], 0.28) == 1 and at(weights["aa"], 0.44) == 1 and at(weights["I"], 0.64) == 1
    assert at(weights["FF"], 0.8) == 1 and at(weights["U"], 1.0) == 1 and at(weights["sil"], 1.4) == 1
    assert sum(weights.values())[2:-2] == pytest.approx(1)
    vowels = visemes.viseme_weights(visemes.SETS["VRM 1"], SPEECH, SECONDS)
    assert at(vowels["aa"], 0.44) == 1 and max(at(each, 0.28) for each in vowels.values()) == 0  # lips are closed


def test_without_phones_mouth_shapes_follow_the_controls():
    controls = {"jawOpen": np.array([0.6, 0.2, 0.0]), "mouthPucker": np.array([0.0, 0.8, 0.0]),
                "mouthClose": np.array([0.0, 0.0, 0.9])}
    values = mapping.evaluate(mapping.map_shapes([f"viseme_{name}" for name in OCULUS]), controls, (), np.arange(3))
    assert [max(values, key=lambda name: values[name][n]) for n in range(3)] == ["viseme_aa", "viseme_U", "viseme_PP"]


def test_rhubarbs_optional_shapes_have_stand_ins():
    found = sources(list("ABCDEF"))
    assert found["A"] == "Rhubarb A + Rhubarb G + Rhubarb X" and found["C"] == "Rhubarb C + Rhubarb H"


def test_gain_and_offset_change_a_shape():
    row = mapping.ShapeMapping("Open", "0.5 jawOpen - jawLeft", 2.0, 0.1)
    values = mapping.evaluate([row], {"jawOpen": np.array([1.0, 0.5])}, (), np.arange(2))
    assert values["Open"] == pytest.approx([1.1, 0.6])


@pytest.mark.parametrize("text", ["jawOpen + 0.5 mouthDimpleLeft - 0.25 VRM 1 aa", "-jawOpen", "Microsoft 21", ""])
def test_a_source_is_text_that_is_read_again(text):
    assert mapping.source_text(mapping.parse_source(text)) == text


@pytest.mark.parametrize("text", ["jaw", "0.5", "jawOpen mouthLeft", "jawOpen *", "Oculus ZZ"])
def test_other_sources_are_refused(text):
    with pytest.raises(core("errors").InputError, match="is no sum of shapes"):
        mapping.parse_source(text)
