"""A stand-in for headroom.pipeline: the speech file says in words what a job should do."""

import errno
import hashlib
import os
import time

import numpy as np

from headroom.common.errors import InputError
from headroom.common.settings import RefineFramesSettings
from headroom.face.performance import Performance
from headroom.face.phone_track import PhoneTrack
from headroom.face.word_track import SpokenWords, WordTrack
from headroom.media.audio import write_track as write_track


def device_name():
    return "a fake device"


def learn(clip, subject, settings, *, progress, monitor):
    """Write a subject whose files hold the clip and the settings.

    A clip that begins with "early" is learned until the monitor wants the end.
    """
    steps = 0
    while clip.read_bytes()[:5] == b"early" and not monitor.wants_end():
        steps += 1
        progress(0.4, f"Step {steps}")
        if steps % 10 == 0:
            monitor.show(b"picture %d" % steps)
        time.sleep(0.01)
    for step in range(20 if clip.read_bytes()[:4] == b"slow" else 0):
        progress(step / 40, f"Worker {os.getpid()} looks at {clip.name}")
        time.sleep(0.05)
    progress(0.5, f"Learning from {clip.name}")
    (subject / "größe & Name").mkdir(parents=True)
    (subject / "größe & Name" / "Ä clip.bin").write_bytes(clip.read_bytes())
    (subject / "subject.toml").write_text(settings.model_dump_json(), encoding="utf-8")
    return [f"Ended early after {steps} steps."] if steps else ["A note."]


def perform(subject, speech, settings, *, others, progress):
    """Do what the speech file says.

    That is count, wait, "work: seconds", "memory: gigabytes",
    stuck, die, bug, full disk, print, "fail: reason", or nothing.
    """
    command, _, argument = speech.read_text(encoding="utf-8").partition(":")
    progress(0.1, f"Worker {os.getpid()} in {speech.parent.parent}")
    match command:
        case "count":
            for step in range(20):
                progress(step / 20, f"Step {step}")
                time.sleep(0.01)
        case "wait":
            while True:
                progress(0.5, "Waiting to be stopped")
                time.sleep(0.01)
        case "work":
            end = time.monotonic() + float(argument)
            while (left := end - time.monotonic()) > 0:
                progress(1 - left / float(argument), f"Worker {os.getpid()} works")
                time.sleep(0.01)
        case "stuck":
            while True:
                pass
        case "die":
            os.abort()
        case "bug":
            raise KeyError("a programming mistake")
        case "memory":
            np.ones(int(float(argument) * 1e9), np.uint8)
        case "full disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "print":
            print("words for stdout", flush=True)
        case "fail":
            raise InputError(argument or f"{speech} is silent.")
    motion = np.full((4, 3), settings.seed, dtype=np.float32)
    performance = Performance(25.0, np.zeros((4, 64), dtype=np.float32), motion, motion)
    return performance, [f"speech {speech.name}", f"worker {os.getpid()}", settings.pose,
                         *(f"{each.speech.read_text(encoding='utf-8')} on the {each.side}" for each in others)]


def align_words(speech, settings, *, progress):
    """Give each word of the transcript a tenth of a second, and one phone."""
    progress(0.5, f"Finding words in {speech.name}")
    texts = np.array(settings.transcript.split(), np.str_)
    starts, sure = np.arange(len(texts)) / 10, np.ones(len(texts), np.float32)
    words = WordTrack(texts, starts, starts + 0.1, sure)
    return SpokenWords(words, PhoneTrack(np.full(len(texts), "AA"), starts, starts + 0.1, sure)), ["A note."]


def match_plates(subject, poses, settings, *, fixed_positions, progress):
    """Match the plates in turn, or as `fixed_positions` says."""
    from headroom.plate.match import PlateMatch  # loads scipy, which most workers of the tests do not need

    frames = len(poses)
    position = np.arange(frames, dtype=np.float64) if fixed_positions is None else fixed_positions
    return PlateMatch(plate=np.arange(frames, dtype=np.int32), rotation=poses.rotation, translation=poses.translation,
                      distance=np.full(frames, settings.plate_fit, dtype=np.float32), position=position)


def refine_render(render, crops):
    """Return whether a render was not in the cache; those that begin with "slow" take their time."""
    content = b"".join(file.read_bytes() for file in (render.picture, render.mesh) if file is not None)
    crop = crops / hashlib.sha256(content).hexdigest()
    if crop.exists():
        return False
    if content.startswith(b"slow"):
        time.sleep(0.2)
    crop.touch()
    return True


def refine_frames(subject, shot, settings, *, comparisons, progress):
    refined, renders = 0, shot.renders[settings.context:]
    for number, render in enumerate(renders):
        progress(number / len(shot.renders), f"Worker {os.getpid()} refines")
        refined += refine_render(render, shot.crops)
        if settings.compare:
            comparisons.mkdir(exist_ok=True)
            (comparisons / f"{number:06d}.png").write_bytes(b"before|" + render.picture.read_bytes())
    return refined


def refine(people, movie, settings, *, progress):
    """Write a movie of the contents of pictures and meshes, the speech, and how many renders were not in the cache.

    All people follow each other.
    """
    every_frame, written = RefineFramesSettings(first=0, context=0), b""
    for person in people:
        refined = refine_frames(person.subject, person.shot, every_frame, comparisons=None, progress=progress)
        files = [file for render in person.shot.renders for file in (render.picture, render.mesh) if file is not None]
        written += b"".join(file.read_bytes() for file in files)
        written += (person.speech.read_bytes() if person.speech else b"") + b" %d" % refined
    movie.write_bytes(written)
    return len(people[0].shot.renders), ["A note."]


def refine_chunk(people, chunk, settings, *, progress):
    """Write the contents of the pictures of all people, and how the frames of the others are scaled."""
    contents = [b"".join(render.picture.read_bytes() for render in each.shot.renders[settings.context:])
                for each in people]
    chunk.write_bytes(b"+".join(contents))
    notes = [f"Scaled by {each.settings.scale:g}." for each in people[1:]]
    return len(people[0].shot.renders) - settings.context, notes


def join_chunks(people, chunks, movie, settings, *, progress):
    speeches = [each.speech.read_bytes() for each in people if each.speech]
    movie.write_bytes(b"|".join(chunk.read_bytes() for chunk in chunks) + b"".join(speeches))
    return settings.frames, ["A note."]
