"""A photo as the source of a person: what only a clip can show comes from the general weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from headroom.common.errors import InputError
from headroom.common.files import file_digest
from headroom.common.progress import Progress, TrainingMonitor, no_progress, subprogress
from headroom.common.settings import Albedo, LearnSettings
from headroom.face.model import FaceModel
from headroom.face.texture import unwrap
from headroom.media.photo import read_photo
from headroom.subject.info import ClipInfo
from headroom.subject.networks import LearningNetworks
from headroom.subject.refiner_training import TrackedFrames, chosen_resolution, train_personal_refiner, training_pairs
from headroom.track.appearance.appearance import Appearance
from headroom.track.appearance.sampling import view_weight
from headroom.track.landmarks.people import choose, find_people
from headroom.track.track import Track
from headroom.track.tracker import TrackingOptions, TrackingResult, track_clip

if TYPE_CHECKING:
    from headroom.motion.model.model import MotionModel
    from headroom.refine.refiner import Refiner
    from headroom.refine.train_config import RefinerTrainConfig
    from headroom.subject.folder import Subject

FPS = 25.0  # of the movie with the one plate
MAX_SIDE = 1920  # pixels; a larger photo is reduced
MIN_FACE = 100  # pixels, side of the face crop
HEAD_MOTION = 0.6  # factor on the general head motion, because a photo cannot be turned as far as a clip
MAX_STEPS = 150  # of the refiner's training, which soon overfits one photo
HIDDEN_FACE, HIDDEN_PART = 0.4, 0.6  # probabilities in training; the photo's own plate is too good an answer
MARGIN, CHIN, FEATHER = 0.025, 0.04, 0.02  # of RegionConfig: fractions of the face size painted beyond the render
PHOTO_ALBEDO: dict[Albedo, Albedo] = {"low": "low", "frame": "frame", "clip": "frame"}
"""The kind of albedo that one frame gives for each kind that the user chooses."""
MIN_VIEW_WEIGHT, FULL_VIEW_WEIGHT = 0.15, 0.4
"""View weights of skin: up to the first it is mirrored from the other side, from the second on it is not."""
PHOTO_NOTE = ("Learned from one photo: the inside of the mouth and the parts of the face that it does not show are "
              "synthetic, and speech and head motion are those of an average speaker. A clip of twelve seconds gives "
              "the person's own.")


@dataclass(frozen=True)
class PhotoSource:
    """A photo that a person is learned from.

    info: what the subject records of the photo.
    picture: (H, W, 3) uint8.
    stored: the subject that stores the picture as its plate already.
    notes: what the user should know.
    colours: (48,) of the person among others; None for the largest face.
    """

    info: ClipInfo
    picture: NDArray[np.uint8]
    stored: Subject | None = None
    notes: tuple[str, ...] = (PHOTO_NOTE,)
    colours: NDArray[np.float64] | None = None

    @staticmethod
    def open(photo: Path, settings: LearnSettings) -> PhotoSource:
        """Read a photo; the start and the end of the settings are ignored.

        Raises InputError when the file is no photo, or does not show the chosen face.
        """
        picture = load_photo(photo)
        height, width = picture.shape[:2]
        info = ClipInfo(file=photo.name, sha256=file_digest(photo), kind="photo", width=width, height=height, fps=FPS,
                        from_seconds=0.0, to_seconds=1 / FPS)
        person = choose(find_people([picture]), settings.face, photo.name) if settings.face else None
        return PhotoSource(info, picture, notes=tuple(photo_notes(photo, settings)),
                           colours=None if person is None else person.colours)

    @property
    def frames(self) -> list[NDArray[np.uint8]]:
        """The picture as the only frame."""
        return [self.picture]

    @property
    def sound(self) -> None:
        """A photo has no sound."""
        return None

    def albedo_kind(self, wanted: Albedo) -> Albedo:
        """Return the kind of albedo that one frame gives."""
        return PHOTO_ALBEDO[wanted]

    def track(
        self, model: FaceModel, options: TrackingOptions, progress: Progress = no_progress
    ) -> TrackingResult:
        """Track the photo; InputError when it shows no face, or one that is too small."""
        try:
            tracked: TrackingResult = track_clip(
                [self.picture], FPS, model, replace(options, colours=self.colours), progress)
        except InputError as error:
            raise InputError(f"No face found in {self.info.file}. Choose a photo that shows one face from the "
                             "front.") from error
        size = tracked.track.crop.size
        if size < MIN_FACE:
            raise InputError(f"The face in {self.info.file} is only {round(size / 1.25)} pixels high; choose a larger "
                             f"photo, of at least {MIN_FACE} pixels from hairline to chin.")
        if options.albedo == "low":
            return tracked
        appearance = tracked.appearance
        albedo_texture = mirrored(model, tracked.track, appearance)
        return replace(tracked, appearance=replace(appearance, albedo=albedo_texture))

    def learn_motion(
        self, model: FaceModel, track: Track, progress: Progress = no_progress
    ) -> tuple[MotionModel, list[str]]:
        """Return the general motion about the pose and the gaze of the photo."""
        return general_motion(model, track), []

    def train_refiner(
        self, model: FaceModel, tracked: TrackingResult, settings: LearnSettings, networks: LearningNetworks,
        progress: Progress = no_progress, monitor: TrainingMonitor | None = None,
    ) -> tuple[Refiner, list[str]]:
        """Train the refiner briefly; return it with what the user should know.

        One frame needs no ArcFace, because its feature differs from no other.
        """
        from headroom.refine.train_config import personal_training

        frames = TrackedFrames(tracked.track, tracked.appearance.albedo, self.frames)
        config = photo_training(personal_training(settings.preset, settings.budget_minutes))
        resolution, notes = chosen_resolution(settings.resolution, tracked.track)
        pairs = training_pairs(model, frames, resolution, with_plates=config.generator.plate_term)
        refiner, training_notes = train_personal_refiner(
            pairs, config, networks.spatial, subprogress(progress, 0.04, 1), monitor)
        return refiner, [*notes, *training_notes]


def photo_notes(photo: Path, settings: LearnSettings) -> list[str]:
    """Return what the user should know; also that a part which the settings choose, as for a clip, is not used."""
    if not settings.from_seconds and not settings.to_seconds:
        return [PHOTO_NOTE]
    return [PHOTO_NOTE, f"{photo.name} is a photo, so the start and the end that were set were not used."]


def load_photo(path: Path) -> NDArray[np.uint8]:
    """Read a photo (H, W, 3), reduced to at most `MAX_SIDE` pixels."""
    photo = read_photo(path)
    height, width = photo.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1:
        return photo
    reduced = cv2.resize(photo, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8)


def mirrored(model: FaceModel, track: Track, appearance: Appearance) -> NDArray[np.uint8]:
    """Return the albedo (S, S, 3) with the skin that the photo does not show copied from the other side of the face."""
    vertices = track.vertices(model, 0)
    # the eyeballs keep their texture, because they mirror each other only in a straight gaze
    vertex_weight = np.where(model.skin, view_weight(vertices, model.normals(vertices)), FULL_VIEW_WEIGHT)
    view = unwrap(model, vertex_weight[:, None].repeat(3, axis=1), appearance.albedo.shape[0])[0][..., 0]
    hidden = np.clip((FULL_VIEW_WEIGHT - view) / (FULL_VIEW_WEIGHT - MIN_VIEW_WEIGHT), 0, 1)
    hidden *= np.clip(view[:, ::-1] / FULL_VIEW_WEIGHT - 1, 0, 1)
    weight = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), 0.01 * len(hidden))[..., None]
    albedo = appearance.albedo.astype(np.float32)
    mixed = np.rint(albedo + weight * (albedo[:, ::-1] - albedo))
    return np.asarray(mixed, np.uint8)


def general_motion(model: FaceModel, track: Track, head_motion: float = HEAD_MOTION) -> MotionModel:
    """Return the general motion model about the pose and the gaze of a track's first frame.

    head_motion: how much of the average speaker's head motion is kept, 0..1.
    """
    from headroom.motion.retarget import general_model_for

    motion = general_model_for(model)
    if motion is None:
        raise InputError("A photo needs the general motion weights, which this installation lacks; install Headroom "
                         "again, or choose a clip.")
    own = np.concatenate([track.rotation[0], track.translation[0]]).astype(np.float32)
    style = motion.style
    pose = own + head_motion * (style.pose - np.median(style.pose, axis=0))
    # a gaze that is fixed on something turns less as the head turns less
    gaze = track.expression[0, list(model.gaze_modes)] + head_motion * style.gaze
    style = replace(style, pose=pose.astype(np.float32), pose_mean=own, gaze=gaze.astype(np.float32),
                    pose_deviation=(head_motion * style.pose_deviation).astype(np.float32))
    return replace(motion, style=style)


def photo_training(config: RefinerTrainConfig) -> RefinerTrainConfig:
    """Return a preset's training as it suits one frame: short, and from the general weights.

    Little is painted beyond the render, because the photo shows the surroundings and is too little to learn them. The
    plate of the only frame is that frame, so the face or a part of it is often hidden.
    """
    region = replace(config.region, margin=MARGIN, chin=CHIN, feather=FEATHER)
    augment = replace(config.augment, hidden_face_probability=HIDDEN_FACE, hidden_part_probability=HIDDEN_PART)
    steps = MAX_STEPS if config.steps is None else min(config.steps, MAX_STEPS)
    return replace(config, region=region, augment=augment, steps=steps, from_general=True)
