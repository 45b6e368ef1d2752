"""Learning a person from a source: its steps, and the parts of the subject that they write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from headroom.common.progress import Progress, Stopwatch, TrainingMonitor, subprogress
from headroom.common.settings import LearnSettings
from headroom.face.model import FaceModel
from headroom.subject.clip_head import ClipHead
from headroom.subject.folder import LearnedPerson, SubjectWriter
from headroom.subject.info import Measures, SubjectInfo
from headroom.subject.networks import LearningNetworks
from headroom.subject.source import Source
from headroom.track.tracker import TrackingOptions


@dataclass(frozen=True)
class LearningPlan:
    """How a person is learned.

    info: what is known before. clip: the file that is learned from; None where a subject is learned again.
    """

    info: SubjectInfo
    settings: LearnSettings
    model: FaceModel
    networks: LearningNetworks
    clip: Path | None = None


def learn_person(
    source: Source, writer: SubjectWriter, plan: LearningPlan, progress: Progress, monitor: TrainingMonitor | None
) -> list[str]:
    """Learn the person of a source and write the parts of the subject; return what the user should know."""
    model, watch, albedo = plan.model, Stopwatch(), source.albedo_kind(plan.settings.albedo)
    with watch.step("plates"):
        _write_source(source, plan.clip, writer, subprogress(progress, 0, 0.02))
        mattes, background_notes = writer.write_background(source.frames, subprogress(progress, 0.02, 0.03))
    with watch.step("track"):
        head = ClipHead(model, source.frames, mattes)
        options = TrackingOptions(albedo, plan.networks.regressor, head=head)
        tracked = source.track(model, options, subprogress(progress, 0.03, 0.18))
        tracked = replace(tracked, track=head.with_depth(tracked.track))
    with watch.step("motion"):
        motion, motion_notes = source.learn_motion(model, tracked.track, subprogress(progress, 0.18, 0.3))
    with watch.step("refiner"):
        refiner, refiner_notes = source.train_refiner(
            model, tracked, plan.settings, plan.networks, subprogress(progress, 0.3, 1), monitor)
    person = LearnedPerson(model, tracked.track, tracked.appearance.albedo, motion, refiner)
    notes = [*source.notes, *background_notes, *tracked.notes, *motion_notes, *refiner_notes]
    writer.write_person(person, preview=source.frames[len(source.frames) // 2])
    writer.write_info(plan.info.model_copy(update={
        "albedo": albedo, "resolution": refiner.resolution, "has_sound": source.sound is not None,
        "notes": tuple(notes), "clip": source.info, "measures": Measures.of(motion, watch.seconds)}))
    return notes


def _write_source(source: Source, clip: Path | None, writer: SubjectWriter, progress: Progress) -> None:
    """Write the frames of a source as plates, and its sound; where a subject stores them already, copy them.

    clip: the file that the frames are from, whose content credentials the plates keep.
    """
    if source.stored is not None:
        writer.copy_source(source.stored)
        return
    writer.write_plates(source.frames, source.info.fps, clip, progress)
    if source.sound is not None:
        writer.write_sound(source.sound)
