"""The steps from a clip and a speech recording to a finished shot, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headroom.common.prefetch import prefetch
from headroom.common.progress import Progress, TrainingMonitor, frames_reported, no_progress, subprogress
from headroom.common.settings import (
    AlignWordsSettings,
    JoinChunksSettings,
    LearnSettings,
    MatchSettings,
    PerformSettings,
    RefineChunkSettings,
    RefineFramesSettings,
    RefineSettings,
)
from headroom.face.library import store_model
from headroom.face.performance import Performance, PoseTrack
from headroom.media.audio import audio_on_disk, require_speech
from headroom.media.audio import write_track as write_track
from headroom.media.changes import changes_note
from headroom.media.lossless import LosslessWriter, joined_frames
from headroom.media.sound_plan import sound_plan
from headroom.media.video import read_frames
from headroom.plate import match as plate_matching
from headroom.plate.match import PlateMatch
from headroom.plate.shot_renders import DrawnFrame, PersonInMovie, PersonInShot, ShotPart, ShotRenders
from headroom.subject.clip_head import KnownHead
from headroom.subject.consent import Consent
from headroom.subject.folder import Subject, replace_subject, require_no_foreign_parts
from headroom.subject.info import SubjectInfo
from headroom.subject.learning import LearningPlan, learn_person
from headroom.subject.networks import NetworkFiles, load_face_model, load_networks
from headroom.subject.shot_movie import MovieContent, Speaker, write_movie
from headroom.subject.source import open_source, open_stored_source
from headroom.track.render import render_track
from headroom.track.track import Track
from headroom.track.tracker import track_known_face

if TYPE_CHECKING:
    from headroom.common.other_speaker import OtherSpeaker
    from headroom.face.word_track import SpokenWords
    from headroom.subject.shot_refiner import Composite


def learn(
    clip: Path,
    subject_folder: Path,
    settings: LearnSettings = LearnSettings(),
    networks: NetworkFiles = NetworkFiles(),
    progress: Progress = no_progress,
    monitor: TrainingMonitor | None = None,
) -> list[str]:
    """Learn a person from a clip or a photo and write the subject; return what the user should know.

    Files in `subject_folder` that are not parts of a subject stay.

    networks: files to use instead of the bundled networks. A face model is stored for the subject's later use.
    monitor: follows the refiner's training, and may end it early.
    """
    require_no_foreign_parts(subject_folder)
    model = load_face_model(networks)
    loaded = load_networks(networks, model)
    source = open_source(clip, settings)
    if networks.face_model:
        store_model(networks.face_model)
    consent = Consent(who=settings.consent_who, statement=settings.consent or "", uses=settings.consent_uses or (),
                      until=settings.consent_until, recorded=date.today())
    info = SubjectInfo(name=settings.name or clip.stem, preset=settings.preset, face_model=model.digest,
                       own_networks=networks.given, consent=consent)
    with replace_subject(subject_folder) as writer:
        return learn_person(source, writer, LearningPlan(info, settings, model, loaded, clip), progress, monitor)


def upgrade(
    subject: Path, progress: Progress = no_progress, networks: NetworkFiles = NetworkFiles(),
    monitor: TrainingMonitor | None = None,
) -> list[str]:
    """Learn a person again from the plates and the sound that the subject stores; return what the user should know.

    Name, consent, face model and settings stay. So do files in the folder that are not parts of a subject.

    networks: files of the networks that the person was learned with, where they were not the bundled ones.
    monitor: follows the refiner's training, and may end it early.

    Raises InputError when the subject lacks the sound, as those of format 1 do, and leaves it as it is.
    """
    person = Subject.open(subject)
    source = open_stored_source(person)
    old = person.info
    settings = LearnSettings.model_validate(
        {"preset": old.preset, "albedo": old.albedo, "resolution": person.resolution})
    loaded = load_networks(networks, person.model)
    info = SubjectInfo(name=old.name, preset=old.preset, consent=old.consent,
                       face_model=person.model.digest, own_networks=networks.given)
    missing = [name for name in old.own_networks if name not in networks.given]
    notes = [f"Learned with the bundled networks instead of the former {' and '.join(missing)}."] if missing else []
    with replace_subject(subject) as writer:
        plan = LearningPlan(info, settings, person.model, loaded)
        return notes + learn_person(source, writer, plan, progress, monitor)


def perform(
    subject: Path | None,
    speech: Path,
    settings: PerformSettings = PerformSettings(),
    controls: Sequence[str] = (),
    others: Sequence[OtherSpeaker] = (),
    progress: Progress = no_progress,
) -> tuple[Performance, list[str]]:
    """Predict expression and pose at 25 Hz from a speech recording; return them and what the user should know.

    subject: None for the average speaker.
    controls: texts such as "mouth.gain=1.2" (headroom/motion/controls.py).
    others: who else speaks in the shot. The person listens to them, and may say nothing.
    """
    from headroom.motion.audio.word_alignment import word_notes, words_in_speech
    from headroom.motion.controls import UNTOUCHED, apply_controls, parse_controls
    from headroom.motion.predict import predict, replayed
    from headroom.motion.style.listening import Conversation, with_listening
    from headroom.subject.average import average_speaker
    from headroom.subject.face_controls import notes_of_controls, with_face_controls

    person = average_speaker() if subject is None else Subject.open_for(subject, settings.use)
    parsed_controls = parse_controls(controls)
    progress(0.0, "Reading the speech")
    with audio_on_disk(speech, track=settings.audio_track) as samples:
        conversation = Conversation.of(samples, others) if others else None
        if conversation is None:
            require_speech(samples, Path(speech).name)
        spoken = None
        if settings.transcript:
            progress(0.1, "Finding the words")
            spoken = words_in_speech(samples, settings.transcript)
        seconds = conversation.seconds if conversation else None
        performance = predict(person.motion, samples, seconds, settings.seed, spoken=spoken,
                              progress=subprogress(progress, 0.2, 0.9))
    if settings.pose == "replayed":
        performance = replayed(person.motion, performance)
    if conversation:
        performance = with_listening(performance, person.motion.style, conversation, settings.seed)
    if parsed_controls != UNTOUCHED:
        performance = apply_controls(performance, parsed_controls, person.model.regions)
    progress(0.9, "Finding the controls")
    performance = with_face_controls(performance, person.rig, person.motion.style)
    progress(1.0, "Predicted the performance")
    changes = sound_plan(speech, settings.audio_track).changes
    return performance, [*changes_note(Path(speech).name, changes), *word_notes(spoken),
                         *notes_of_controls(performance)]


def align_words(speech: Path, settings: AlignWordsSettings, progress: Progress = no_progress
                ) -> tuple[SpokenWords, list[str]]:
    """Find the words of a transcript in a speech recording; return them and what the user should know."""
    from headroom.motion.audio.word_alignment import word_notes, words_in_speech

    progress(0.0, "Reading the speech")
    with audio_on_disk(speech, track=settings.audio_track) as samples:
        require_speech(samples, Path(speech).name)
        progress(0.2, "Finding the words")
        spoken = words_in_speech(samples, settings.transcript)
    progress(1.0, "Found the words")
    return spoken, word_notes(spoken)


def match_plates(
    subject: Path,
    pose: PoseTrack,
    settings: MatchSettings = MatchSettings(),
    fixed_positions: NDArray[np.float64] | None = None,
    progress: Progress = no_progress,
) -> PlateMatch:
    """Find a plate and a pose to render with for every frame of a shot.

    pose: the wanted poses of the T frames.
    fixed_positions: (T,) positions in the clip that frames keep from an earlier match, NaN where a frame is free.
    """
    progress(0.0, "Matching plates")
    track = Subject.open_for(subject, settings.use).track
    clip = PoseTrack(track.fps, track.rotation, track.translation)
    return plate_matching.match_plates(pose, clip, settings.plate_fit, fixed_positions)


def refine_frames(
    subject: Path,
    shot: ShotRenders,
    settings: RefineFramesSettings,
    comparisons: Path | None = None,
    progress: Progress = no_progress,
) -> int:
    """Refine some frames of a shot before the movie is made; return how many were not refined before.

    `refine` then takes their crops from the cache.

    shot: renders of neighbouring frames; the first `settings.context` of them are only the context of the others.
    comparisons: folder for a picture of each frame before and after refining, if `settings.compare` asks for them.
    """
    from headroom.refine.refined_crops import CropCache
    from headroom.subject.comparisons import comparison_writer
    from headroom.subject.shot_refiner import open_shot_refiner

    context, count = settings.context, len(shot.renders)
    match = shot.own_match(ShotPart(settings.first, context))
    person = Subject.open_for(subject, settings.use)
    refiner, new = open_shot_refiner(subject), 0
    write = None
    if settings.compare and comparisons is not None:
        write = comparison_writer(comparisons, person, refiner, settings)
    with closing(refiner.refine_files(shot.renders, match, CropCache(shot.crops / person.key), context)) as refined:
        for frame, (crop, is_new) in enumerate(refined, context):
            new += is_new
            if write is not None:
                write(frame - context, refiner.comparison(match, frame, shot.renders[frame], crop))
            done = frame + 1 - context
            progress(done / (count - context), f"Refined frame {done} of {count - context}")
    return new


def refine(
    people: Sequence[PersonInShot], movie: Path, settings: RefineSettings, progress: Progress = no_progress
) -> tuple[int, list[str]]:
    """Refine a shot and write it as a movie with its speeches; return the number of frames and notes for the user.

    people: who is in the shot; the first gives the frame.
    """
    from headroom.subject.people import open_people

    count = len(people[0].shot.renders)
    with open_people(people) as opened, closing(opened.frames(settings.layer)) as frames:
        content = MovieContent.of(opened.people, settings)
        notes = write_movie(content, frames_reported(frames, count, progress), movie, settings)
    return count, [*opened.notes, *notes]


def refine_chunk(
    people: Sequence[PersonInShot], chunk: Path, settings: RefineChunkSettings, progress: Progress = no_progress
) -> tuple[int, list[str]]:
    """Refine some frames of a shot and store them finished, without loss, for `join_chunks`.

    Returns their number and notes for the user.

    people: who is in the shot, with renders of neighbouring frames; the first `settings.context` of them are only the
        context of the others.
    """
    from headroom.subject.people import open_people

    count = len(people[0].shot.renders) - settings.context
    with (open_people(people, ShotPart(settings.first, settings.context)) as opened,
          closing(opened.frames(settings.layer)) as frames, LosslessWriter(chunk) as writer):
        writer.write_all(frames_reported(frames, count, progress))
    return count, opened.notes


def join_chunks(
    people: Sequence[PersonInMovie], chunks: Sequence[Path], movie: Path, settings: JoinChunksSettings,
    progress: Progress = no_progress,
) -> tuple[int, list[str]]:
    """Write the movie that `refine` would write, from the frames of all its chunks; return what that returns.

    people: who is in the shot; the first gives the frame.
    """
    speakers = [Speaker(Subject.open_for(each.subject, each.settings.use), each.settings, each.speech)
                for each in people]
    with closing(prefetch(joined_frames(chunks, settings.frames))) as frames:
        reported = frames_reported(frames, settings.frames, progress)
        return settings.frames, write_movie(MovieContent.of(speakers, settings), reported, movie, settings)


def render_crops(
    subject: Path, motion: Performance, progress: Progress = no_progress
) -> Iterator[DrawnFrame]:
    """Yield the frames of a motion, drawn without Blender."""
    person = Subject.open(subject)
    frames = replace(person.track, expression=motion.expression, rotation=motion.rotation,
                     translation=motion.translation, confidence=np.ones(len(motion), np.float32))
    pictures = render_track(person.model, frames, person.albedo, person.resolution, progress)
    for number, picture in enumerate(pictures):
        yield DrawnFrame(picture, frames.vertices(person.model, number).astype(np.float32))


def refined_frames(
    subject: Path, frames: Iterable[DrawnFrame], match: PlateMatch, progress: Progress = no_progress
) -> Iterator[Composite]:
    """Yield the finished frames of drawn ones over their matched plates; nothing is cached."""
    from headroom.subject.shot_refiner import open_shot_refiner

    yield from frames_reported(open_shot_refiner(subject).refine(frames, match), len(match.plate), progress)


def track_known_person(
    subject: Path, clip: Path, from_seconds: float, to_seconds: float | None = None, progress: Progress = no_progress
) -> Track:
    """Track another part of the learned clip with the subject's identity, camera and light."""
    person = Subject.open(subject)
    frames = list(read_frames(clip, from_seconds, to_seconds))
    head = KnownHead.of(person, frames)
    return track_known_face(person.track, person.albedo, frames, person.model, head, progress)
