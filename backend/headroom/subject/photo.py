"""The steps of learning a person from one photo: what a clip tells and a photo does not comes from the general weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from headroom.common.errors import InputError
from headroom.common.progress import Progress, subprogress, no_progress, timed
from headroom.face.model import FaceModel
from headroom.face.texture import unwrap
from headroom.media.image import read_photo
from headroom.media.video import VideoInfo
from headroom.plate.layers import PLATES, write_background
from headroom.subject.clip import LearnConfig, LearnedPerson, learn_refiner, training_pairs, write_plates
from headroom.track.appearance.appearance import Appearance
from headroom.track.appearance.sampling import view_weight
from headroom.track.track import Track
from headroom.track.tracker import TrackingResult, track_clip

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel
    from headroom.refine.train_config import RefinerTrainConfig

FPS = 25.0  # of the movie with the one plate
LONGEST_SIDE = 1920  # pixels; a larger photo is made smaller
SMALLEST_FACE = 100  # pixels across the face's window
HEAD_MOTION = 0.6  # of what the general manner moves the head: a photo bears less turning than a clip
LONGEST_TRAINING = 60.0  # seconds; one photo is soon known by heart
MARGIN, CHIN, FEATHER = 0.025, 0.04, 0.02  # of the face size: how far beyond the render is painted (RegionConfig)
PHOTO_ALBEDO = {"low": "low", "frame": "frame", "clip": "frame"}
"""What the kinds of albedo come to with one frame."""
TURNED_AWAY, SQUARE = 0.15, 0.4  # how squarely skin is seen that the other side stands in for, and that can
PHOTO_NOTE = ("Learnt from one photo: the inside of the mouth and what it does not show of the face are made up, and "
              "how the person speaks and moves is everybody's. A clip of twelve seconds gives the person's own.")


@dataclass(frozen=True)
class PhotoSource:
    """A photo that a person is learnt from: picture (H, W, 3) uint8."""

    path: Path
    picture: np.ndarray

    @staticmethod
    def open(path: Path, from_seconds: float | None, to_seconds: float | None) -> "PhotoSource":
        """Read it; InputError when it is none, or when a part of it is asked for."""
        return PhotoSource(path, load_photo(path, from_seconds, to_seconds))

    def learn(self, folder: Path, model: FaceModel, config: LearnConfig, progress: Progress = no_progress) -> LearnedPerson:
        """The person; the one plate goes into the subject's `folder`."""
        from headroom.refine.train_config import PRESETS

        kind, frames = PHOTO_ALBEDO[config.albedo], [self.picture]
        height, width = self.picture.shape[:2]
        info = VideoInfo(width, height, FPS, 1 / FPS, 1, variable_rate=False, has_audio=False)
        took: dict[str, float] = {}
        with timed(took, "track"):
            tracked = track_photo(self.path, self.picture, model, kind, subprogress(progress, 0, 0.1))
        with timed(took, "motion"):
            motion = general_motion(model, tracked.track)
        with timed(took, "plates"):
            write_plates(folder / PLATES, frames, FPS, subprogress(progress, 0.1, 0.15))
            notes = write_background(folder, frames, subprogress(progress, 0.15, 0.2))
        with timed(took, "refiner"):
            pairs = training_pairs(model, tracked.track, tracked.appearance.albedo, frames, config.resolution)
            training = photo_training(PRESETS[config.preset])
            refiner = learn_refiner(pairs, training, config.spatial, subprogress(progress, 0.2, 1))
        notes = [*tracked.notes, PHOTO_NOTE, *notes]
        return LearnedPerson(info, (0.0, info.seconds), frames, tracked, motion, refiner, kind, took, notes)


def load_photo(path: Path, from_seconds: float | None, to_seconds: float | None) -> np.ndarray:
    """(H, W, 3) uint8, at most `LONGEST_SIDE` pixels long."""
    if from_seconds or to_seconds:
        raise InputError(f"{path.name} is a photo, in which there is no part to choose; leave the seconds out.")
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the name.")
    photo = read_photo(path)
    height, width = photo.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return photo
    smaller = cv2.resize(photo, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8)


def track_photo(path: Path, photo: np.ndarray, model: FaceModel, albedo: str, progress: Progress = no_progress) -> TrackingResult:
    """Track and look of the one frame."""
    try:
        tracked = track_clip([photo], FPS, model, albedo, progress)
    except InputError as error:
        raise InputError(f"No face found in {path.name}. Choose a photo that shows one face from the front.") from error
    size = tracked.track.crop.size
    if size < SMALLEST_FACE:
        raise InputError(f"The face in {path.name} is only {round(size / 1.25)} pixels high; choose a larger photo, of "
                         f"at least {SMALLEST_FACE} pixels from hairline to chin.")
    if albedo == "low":
        return tracked
    appearance = tracked.appearance
    return replace(tracked, appearance=replace(appearance, albedo=mirrored(model, tracked.track, appearance)))


def mirrored(model: FaceModel, track: Track, look: Appearance) -> np.ndarray:
    """The albedo (S, S, 3) uint8 with skin that the photo does not show taken from the other side of the face."""
    vertices = track.vertices(model, 0)
    # eyeballs are no mirror images of each other as long as somebody looks aside, and are seen as well as ever
    seen = np.where(model.skin, view_weight(vertices, model.normals(vertices)), SQUARE)[:, None].repeat(3, axis=1)
    square = unwrap(model, seen, look.albedo.shape[0])[0][..., 0]
    other = square[:, ::-1]
    wanted = np.clip((SQUARE - square) / (SQUARE - TURNED_AWAY), 0, 1) * np.clip(other / SQUARE - 1, 0, 1)
    share = cv2.GaussianBlur(wanted.astype(np.float32), (0, 0), 0.01 * len(wanted))[..., None]
    albedo = look.albedo.astype(np.float32)
    return np.rint(albedo + share * (albedo[:, ::-1] - albedo)).astype(np.uint8)


def general_motion(model: FaceModel, track: Track) -> "MotionModel":
    """Everybody's motion, about the pose and the gaze of the photo."""
    from headroom.motion.retarget import general_model_for

    motion = general_model_for(model)
    if motion is None:
        raise InputError("A photo needs the general motion weights, which this installation lacks; install Headroom "
                         "again, or choose a clip.")
    own = np.concatenate([track.rotation[0], track.translation[0]]).astype(np.float32)
    style = motion.style
    pose = own + HEAD_MOTION * (style.pose - np.median(style.pose, axis=0))
    # eyes that hold on to something turn as much less as the head does
    gaze = track.expression[0, list(model.gaze_modes)] + HEAD_MOTION * style.gaze
    style = replace(style, pose=pose.astype(np.float32), pose_mean=own, gaze=gaze.astype(np.float32),
                     pose_deviation=(HEAD_MOTION * style.pose_deviation).astype(np.float32))
    return replace(motion, style=style)


def photo_training(config: "RefinerTrainConfig") -> "RefinerTrainConfig":
    """How a preset teaches the refiner from one frame: briefly, from the general weights, and to paint little beyond
    the render.

    The surroundings are the photo itself, and one example is too few to learn to paint them anew.
    """
    region = replace(config.region, margin=MARGIN, chin=CHIN, feather=FEATHER)
    seconds = LONGEST_TRAINING if config.seconds is None else min(config.seconds, LONGEST_TRAINING)
    return replace(config, region=region, seconds=seconds, from_general=True)
