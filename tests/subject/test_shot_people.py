"""Several people in one movie, whole or in chunks: whose pixels and voices are where, and whose consent is said."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from headroom import pipeline
from headroom.common.errors import InputError
from headroom.common.settings import JoinChunksSettings, PersonSettings, RefineChunkSettings, RefineSettings
from headroom.face.camera import Crop
from headroom.media.audio import read_audio, write_wav
from headroom.media.credentials.inspect import inspect_file
from headroom.media.lossless import LosslessWriter, joined_frames
from headroom.media.video import read_frames
from headroom.plate.match import PlateMatch
from headroom.plate.shot_renders import PersonInMovie, PersonInShot, Render, ShotRenders
from headroom.subject import people
from headroom.subject.consent import Consent

WIDTH, HEIGHT, FRAMES = 320, 96, 3
WALL = np.random.default_rng(4).integers(60, 200, (HEIGHT, WIDTH, 3), np.uint8)
PLACES = {"Anna": Crop(20, 10, 80), "Ben": Crop(220, 10, 80), "Cleo": Crop(120, 10, 80)}
COLOURS = {"Anna": 10, "Ben": 20, "Cleo": 30}


class Clip:
    """A wall in front of which people sit; each person's own frames show them in their colour and others in white."""

    def __init__(self, names, sha256, moving=False, background=True):
        self.names, self.sha256, self.moving, self.has_background = names, sha256, moving, background

    def frame(self, name, number, own):
        shown = np.roll(WALL, 37 * len(name) + number, axis=1) if self.moving else WALL.copy()
        for each in self.names:
            crop = PLACES[each]
            middle = slice(crop.x + 20, crop.x + 60)
            shown[20:, middle] = (COLOURS[each] if own else 100) if each == name else 255
        return shown

    def refiner(self, name):
        crop = PLACES[name]
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        alpha[20:, crop.x + 20:crop.x + 60] = 1

        def composites(renders, match, cache, layer, context):
            for number in match.plate[context:]:
                frame = self.frame(name, number, own=True)
                yield np.dstack([frame, np.uint8(255 * alpha)]) if layer == "face" else frame

        return SimpleNamespace(
            background=WALL if self.has_background else None, composites=composites,
            person_alpha=lambda match, frame: alpha * 0.9 ** match.plate[frame],
            plate=lambda match, frame, vertices: SimpleNamespace(picture=self.frame(name, frame, own=False)))


@pytest.fixture
def open_with(monkeypatch, tmp_path):
    """Return a function that opens people of clips; the watermark is off, because nobody has a face."""
    monkeypatch.setenv("HEADROOM_WATERMARK", "off")
    clips = {}

    def subject(folder, use):
        info = SimpleNamespace(name=folder.name, consent=Consent(who=folder.name),
                               clip=SimpleNamespace(file="clip.mp4", sha256=clips[folder.name].sha256))
        track = SimpleNamespace(crop=PLACES[folder.name], camera=SimpleNamespace(width=WIDTH, height=HEIGHT))
        return SimpleNamespace(info=info, key=folder.name, plates_path=tmp_path / "none", folder=folder, track=track)

    monkeypatch.setattr(people.Subject, "open_for", subject)
    monkeypatch.setattr(people.shot_refiner, "MAX_OPEN", 3)
    monkeypatch.setattr(people.shot_refiner, "open_shot_refiner",
                        lambda folder: clips[folder.name].refiner(folder.name))
    match = PlateMatch(np.arange(FRAMES, dtype=np.int32), *np.zeros((2, FRAMES, 3)), *np.zeros((2, FRAMES)))
    shot = ShotRenders([Render(None, tmp_path / "mesh.npy")] * FRAMES, match, tmp_path / "crops")

    def opened(**wanted):
        clips.update({name: clip for name, (clip, _) in wanted.items()})
        return [PersonInShot(tmp_path / name, settings, shot=shot) for name, (_, settings) in wanted.items()]

    return opened


def frames_of(group, layer="frame"):
    with people.open_people(group) as shown:
        return list(shown.frames(layer)), shown.notes


TWO = Clip(("Anna", "Ben"), "a" * 64)
STAYS = PersonSettings()


@pytest.mark.parametrize("order", [("Anna", "Ben"), ("Ben", "Anna")])
def test_people_of_one_clip_are_joined_between_them_whoever_is_first(open_with, order):
    frames, notes = frames_of(open_with(**{name: (TWO, STAYS) for name in order}))
    assert len(frames) == FRAMES and notes == []
    for frame in frames:
        assert (frame[20:, 40:80] == 10).all() and (frame[20:, 240:280] == 20).all()
        beside = np.r_[0:40, 80:240, 280:WIDTH]
        assert np.array_equal(frame[:, beside], WALL[:, beside])


def test_three_people_of_one_clip_have_two_seams(open_with):
    three = Clip(("Anna", "Cleo", "Ben"), "b" * 64)
    (frame, *_), _ = frames_of(open_with(Cleo=(three, STAYS), Anna=(three, STAYS), Ben=(three, STAYS)))
    for name, colour in COLOURS.items():
        x = PLACES[name].x
        assert (frame[20:, x + 20:x + 60] == colour).all(), name


def test_a_person_of_another_clip_is_cut_out_and_placed(open_with):
    other = Clip(("Ben",), "c" * 64)
    (frame, *_), _ = frames_of(open_with(Anna=(Clip(("Anna",), "d" * 64), STAYS),
                                         Ben=(other, PersonSettings(scale=0.5, x=150, y=48))))
    assert (frame[20:, 40:80] == 10).all()
    assert (frame[62:94, 274:286] == 20).all(), "half as large, with its feet at the lower edge"
    untouched = np.ones(frame.shape[:2], bool)
    untouched[20:, 40:80] = untouched[50:, 262:298] = False
    assert np.array_equal(frame[untouched], WALL[untouched])


def test_the_faces_alone_have_the_alpha_of_both(open_with):
    (frame, *_), _ = frames_of(open_with(Anna=(TWO, STAYS), Ben=(TWO, STAYS)), layer="face")
    assert (frame[20:, 45:75, 3] == 255).all() and (frame[20:, 245:275, 3] == 255).all()
    assert not frame[:, 85:235, 3].any()


@pytest.mark.parametrize(("clips", "sentence"), [
    ((Clip(("Anna", "Ben"), "a" * 64, moving=True),) * 2, "do not meet between them"),
    ((Clip(("Anna",), "a" * 64), Clip(("Ben",), "b" * 64, background=False)), "cannot be cut out, because"),
])
def test_pictures_that_cannot_be_one_are_refused(open_with, clips, sentence):
    with pytest.raises(InputError, match=sentence):
        frames_of(open_with(Anna=(clips[0], STAYS), Ben=(clips[1], STAYS)))


def test_faces_may_neither_touch_nor_cover_each_other(open_with, monkeypatch):
    monkeypatch.setitem(PLACES, "Ben", Crop(60, 10, 80))
    with pytest.raises(InputError, match="are too close to each other in the clip"):
        frames_of(open_with(Anna=(TWO, STAYS), Ben=(TWO, STAYS)))
    with pytest.raises(InputError, match="and move the empty of"):
        frames_of(open_with(Anna=(Clip(("Anna",), "e" * 64), STAYS), Ben=(Clip(("Ben",), "f" * 64), STAYS)))


def test_a_clip_that_changes_a_little_between_them_is_noted(open_with, monkeypatch):
    monkeypatch.setattr(people, "VISIBLE", -1.0)
    _, notes = frames_of(open_with(Anna=(TWO, STAYS), Ben=(TWO, STAYS)))
    (note,) = notes
    assert "so the seam between them may be visible" in note


def test_people_with_different_numbers_of_frames_are_refused(open_with):
    anna, ben = open_with(Anna=(TWO, STAYS), Ben=(TWO, STAYS))
    short = ShotRenders(ben.shot.renders[:2], ben.shot.match.part(0, 2), ben.shot.crops)
    with pytest.raises(InputError, match="The people of the shot have"):
        frames_of([anna, PersonInShot(ben.subject, shot=short)])


@pytest.mark.parametrize("layer", ["frame", "face"])
def test_chunks_have_the_seam_and_the_outline_of_the_whole_shot(open_with, tmp_path, monkeypatch, layer):
    monkeypatch.setattr(people, "VISIBLE", -1.0)
    wanted = open_with(Anna=(TWO, STAYS), Ben=(TWO, STAYS),
                       Cleo=(Clip(("Cleo",), "c" * 64), PersonSettings(x=20, y=10)))
    whole, notes = frames_of(wanted, layer)
    chunks = []
    for first, end, context in ((0, 2, 0), (0, 3, 2)):
        part = [replace(each, shot=replace(each.shot, renders=each.shot.renders[first:end])) for each in wanted]
        settings = RefineChunkSettings(first=first, context=context, layer=layer)
        chunks.append(tmp_path / f"{end}.mkv")
        assert pipeline.refine_chunk(part, chunks[-1], settings) == (end - first - context, notes)
    assert all(np.array_equal(*each) for each in zip(joined_frames(chunks, FRAMES), whole, strict=True))
    assert not np.array_equal(whole[1], whole[2])


def test_the_movie_has_both_voices_and_says_the_consent_of_both(open_with, tmp_path):
    tone = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000).astype(np.float32)
    write_wav(tmp_path / "anna.wav", 0.4 * tone)
    write_wav(tmp_path / "ben.wav", 0.38 * tone)
    group = open_with(Anna=(TWO, STAYS), Ben=(TWO, PersonSettings(use="Film A", speech_from_seconds=-0.5)))
    group = [PersonInShot(each.subject, each.settings, tmp_path / f"{each.subject.name.lower()}.wav", shot=each.shot)
             for each in group]
    count, _ = pipeline.refine(group, tmp_path / "two.mov", RefineSettings(fps=2.5, label="AI-generated"))
    assert count == FRAMES == len(list(read_frames(tmp_path / "two.mov")))
    sound = read_audio(tmp_path / "two.mov")
    early, late = (np.abs(sound[first:first + 4800]).max() for first in (1600, 9600))
    assert early == pytest.approx(0.4, abs=0.05) and late > 0.6
    said = "\n".join(inspect_file(tmp_path / "two.mov").lines)
    for words in ("consent: Anna: Anna; for every use; without an end. Ben: Ben; for every use", "speech anna.wav",
                  "speech_2 ben.wav", "visible label: AI-generated"):
        assert words in said
    assert said.count("made from clip") == 1
    with LosslessWriter(tmp_path / "chunk") as writer:
        writer.write_all(frames_of(group)[0])
    settings = JoinChunksSettings(fps=2.5, label="AI-generated", frames=FRAMES)
    speakers = [PersonInMovie(each.subject, each.settings, each.speech) for each in group]
    pipeline.join_chunks(speakers, [tmp_path / "chunk"], tmp_path / "joined.mov", settings)
    assert inspect_file(tmp_path / "joined.mov").lines == inspect_file(tmp_path / "two.mov").lines
    assert np.array_equal(read_audio(tmp_path / "joined.mov"), sound)
