"""`headroom check`: whether a clip is good to learn from, told in seconds, before anybody learns it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headroom.common.arrays import correlation
from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress, subprogress
from headroom.evaluation.clip_frames import RATE, ClipFrames, look_at
from headroom.face.directions import FaceDirections
from headroom.face.model import bundled_model
from headroom.face.topology import LOWER_INNER_LIP, UPPER_INNER_LIP
from headroom.media.audio import SAMPLE_RATE, NoSoundInRange, is_silent, read_audio
from headroom.media.photo import is_photo
from headroom.media.video import VideoInfo, probe, read_frames
from headroom.subject.clip import learned_part
from headroom.subject.clip_person import MIN_SECONDS, people_in_clip
from headroom.track.landmarks.detect import SAMPLE_SECONDS
from headroom.track.landmarks.face_view import OUTER_EYE_CORNERS, view_notes
from headroom.track.landmarks.people import People, Person, choose

CHECKED_SECONDS = 24.0  # from where the person is first seen in the part that learning would use
DARK_FACE, BRIGHT_FACE = 40.0, 225.0  # mean brightness, of 255
HARD_LIGHT = 2.5  # brightness of one half of the face relative to the other
EARLY, LATE = 0.07, 0.17
"""Seconds by which the sound may be earlier or later than the lips. Later sound is usual, because it is slower than
light; viewers notice half as much of earlier sound (ITU-R BT.1359), and cameras hardly record it.
"""
MIN_LIP_SECONDS = 4.0  # with a face; less is too short to tell whether the sound is in step
MANY = 0.2  # share of frames or pictures from which a remark is made
AWAY = 35.0  # degrees of yaw


@dataclass(frozen=True)
class CheckFigures:
    """What was found in the checked part of a clip.

    seconds: start and end of the part.
    usable_seconds: of its best part without a cut, whose start and end are `best_seconds`.
    face: share of frames with a face.
    faces: number of people, without bystanders.
    size: pixels from brows to chin; None without a face, as the next two.
    yaw: least and greatest degrees, without the outermost twentieths.
    light: brightness of the face, 0 to 255, and of its brighter half relative to the other.
    offset_seconds: by which the sound is later than the lips; None where that is not certain.
    cuts: seconds.
    blurred: share of frames.
    """

    seconds: tuple[float, float]
    usable_seconds: float
    best_seconds: tuple[float, float]
    face: float
    faces: int
    size: float | None
    yaw: tuple[float, float] | None
    light: tuple[float, float] | None
    offset_seconds: float | None
    cuts: tuple[float, ...]
    blurred: float


@dataclass(frozen=True)
class ClipCheck:
    """The result of a check: figures, warnings as sentences, and the frames.

    people: who is seen in the part that learning would use, numbered as learning numbers them.

    That there are several people is in the figures alone, because each program lets its user choose in another way.
    """

    figures: CheckFigures
    warnings: list[str]
    frames: ClipFrames
    people: People


def check_clip(
    clip: Path, from_seconds: float | None = None, to_seconds: float | None = None, audio_track: int | None = None,
    face: int = 0, progress: Progress = no_progress,
) -> ClipCheck:
    """Look at a clip and listen to it; InputError when it cannot be read or the part holds no picture.

    audio_track: number of the file's audio track, from 1; None for the first with sound.
    face: number of the person, of several, as learning counts them; 0 for the largest face.
    """
    if is_photo(clip):
        raise InputError(f"{clip.name} is a photo, and only clips are checked; choose a clip, or learn the photo.")
    video = probe(clip)
    part = learned_part(video, from_seconds, to_seconds)
    if part[1] - part[0] < 2 / RATE:
        raise InputError(f"Only {max(0.0, part[1] - part[0]):.1f} s of the clip to check; choose a longer part.")
    progress(0.0, "Reading the clip")
    people = people_in_clip(clip, part)
    person = choose(people, face, clip.name) if face else _largest(people)
    start, end = _checked_part(part, person)
    frames = look_at(read_frames(clip, start, end, RATE), subprogress(progress, 0.3, 0.8),
                     person.colours if person is not None and len(people.all) > 1 else None)
    progress(0.8, "Listening")
    sound, sound_warnings = _sound_and_notes(clip, video, (start, end), audio_track)
    offset = _sound_offset(sound, frames) if sound is not None else None
    figures = _figures(frames, (start, end), len(people.persons), offset)
    warnings = [*picture_notes(figures, frames), *_clip_notes(figures, video), *sound_warnings]
    return ClipCheck(figures, warnings, frames, people)


def picture_notes(figures: CheckFigures, frames: ClipFrames) -> list[str]:
    """Return warnings about the face in the frames."""
    if figures.light is None or figures.yaw is None:
        return ["No face is found in most of the frames. Choose a clip where the face is visible and lit."]
    notes = view_notes(frames.view)
    brightness, contrast = figures.light
    if not DARK_FACE <= brightness <= BRIGHT_FACE:
        notes.append(f"The face is too {'dark' if brightness < DARK_FACE else 'bright'}. Change light or exposure.")
    if contrast > HARD_LIGHT:
        notes.append("One side of the face is much darker than the other. Use soft light from the front.")
    if figures.blurred > MANY:
        notes.append(f"The face is blurred in {100 * figures.blurred:.0f} % of the frames. Use a shorter exposure.")
    if np.mean(figures.yaw) > AWAY or np.mean(figures.yaw) < -AWAY:
        notes.append("The head is turned away from the camera. Film the person from the front.")
    return notes


def _clip_notes(figures: CheckFigures, video: VideoInfo) -> list[str]:
    """Return warnings about time: cuts, usable seconds, missing pictures, sound beside the lips."""
    notes = []
    if figures.cuts:
        cuts, (first, end) = ", ".join(f"{cut:.1f}" for cut in figures.cuts), figures.best_seconds
        notes.append(f"The picture changes at once at {cuts} s, as at a cut. The best part is from {first:.1f} to "
                     f"{end:.1f} s; learn from that.")
    if figures.usable_seconds < MIN_SECONDS and figures.size is not None:
        notes.append(f"Only {figures.usable_seconds:.1f} s are usable. Learning needs {MIN_SECONDS:.0f} s, better 12.")
    if video.held > MANY * video.frames:
        notes.append(f"{100 * video.held / video.frames:.0f} % of the pictures are missing. Export the clip again at "
                     "the rate at which it was filmed.")
    if figures.offset_seconds is not None and not -EARLY <= figures.offset_seconds <= LATE:
        side = "later" if figures.offset_seconds > 0 else "earlier"
        notes.append(f"The sound is {1000 * abs(figures.offset_seconds):.0f} ms {side} than the lips. Learning "
                     "corrects that; where the file is at fault, export the clip again.")
    return notes


def _sound_and_notes(
    clip: Path, video: VideoInfo, seconds: tuple[float, float], track: int | None
) -> tuple[NDArray[np.float32] | None, list[str]]:
    """Return the sound (N,) at 16 kHz, None where nothing is heard, and warnings."""
    if not video.has_audio:
        return None, ["The clip has no sound, from which the way of speaking is learned. Record it with sound."]
    try:
        samples = read_audio(clip, SAMPLE_RATE, *seconds, track)
    except NoSoundInRange:
        samples = np.zeros(0, np.float32)
    if not len(samples) or is_silent(samples):
        return None, ["The sound of the clip is silent. Choose a clip in which the person is heard speaking."]
    return samples, []


def _largest(people: People) -> Person | None:
    """Return the person with the largest face, of those whom the first seconds show if any; None for nobody."""
    first = round(CHECKED_SECONDS / SAMPLE_SECONDS)
    return max(people.persons, key=lambda each: (each.seen[:first].any(), each.width), default=None)


def _checked_part(part: tuple[float, float], person: Person | None) -> tuple[float, float]:
    """Return start and end, seconds, of what is looked at of a part: from where a person is first seen in it."""
    start, end = part
    if person is not None:
        start = max(start, min(start + SAMPLE_SECONDS * int(np.argmax(person.seen)), end - 2 / RATE))
    return start, min(end, start + CHECKED_SECONDS)


def _figures(frames: ClipFrames, seconds: tuple[float, float], people: int, offset: float | None) -> CheckFigures:
    """Gather the figures; times are in seconds of the clip."""
    found, view, (first, end) = frames.landmarks.found, frames.view, frames.best_part()
    seen = bool(found.any())
    halves = np.nanmedian(frames.light[:, 1:], axis=0) if seen else np.ones(2)
    return CheckFigures(
        seconds=seconds,
        usable_seconds=float(frames.usable[first:end].sum() / RATE),
        best_seconds=(seconds[0] + first / RATE, min(seconds[1], seconds[0] + end / RATE)),
        face=float(found.mean()),
        faces=people,
        size=float(np.nanmedian(view.size)) if seen else None,
        yaw=(float(np.nanpercentile(view.yaw, 5)), float(np.nanpercentile(view.yaw, 95))) if seen else None,
        light=(float(np.nanmedian(frames.light[:, 0])), float(halves.max() / max(halves.min(), 1.0))) if seen else None,
        offset_seconds=offset,
        cuts=tuple(seconds[0] + cut / RATE for cut in frames.cuts),
        blurred=float(frames.blurred.mean()),
    )


def _sound_offset(sound: NDArray[np.float32], frames: ClipFrames) -> float | None:
    """Return by how many seconds the sound is later than the lips; None where that is not certain."""
    from headroom.motion.audio.timing import FRAME_RATE
    from headroom.motion.retarget import general_model_for
    from headroom.motion.train.sound_offset import lips_at_lags, offset_of_scores

    face = bundled_model()
    motion, found = general_model_for(face), frames.landmarks.found
    if motion is None or found.sum() < MIN_LIP_SECONDS * RATE:
        return None
    times = np.arange(len(found)) / RATE
    at = np.arange(int(len(found) * FRAME_RATE / RATE)) / FRAME_RATE
    opening = np.interp(at, times[found], _lip_opening(frames.landmarks.points[found]))
    effects = FaceDirections.of(face).lip_opening[:, None]
    predicted = lips_at_lags(motion, sound, len(opening), effects)
    offset = offset_of_scores(np.array([correlation(lips[:, 0], opening) for lips in predicted]), len(opening))
    return offset.seconds if offset.certain else None


def _lip_opening(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distance (T,) of the inner lips in landmarks (T, 478, 3), in distances of the outer eye corners."""
    lips = np.linalg.norm(points[:, UPPER_INNER_LIP] - points[:, LOWER_INNER_LIP], axis=1)
    eyes = np.linalg.norm(points[:, OUTER_EYE_CORNERS[0]] - points[:, OUTER_EYE_CORNERS[1]], axis=1)
    return np.asarray(lips / eyes, np.float32)
