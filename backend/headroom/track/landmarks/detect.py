"""Detection of MediaPipe's 478 face landmarks, in a fixed square region that holds the head in the whole clip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.face.camera import Crop
from headroom.track.landmarks.eyelids import close_eyelids

COUNT = 478
"""Landmarks of one face: 468 of the mesh and 5 of each iris."""

NO_FACE = "No face found in the clip. Choose a clip where the face is visible and lit."
SAMPLE_SECONDS = 0.4
"""Time between the frames in which `face_boxes` is to look for faces."""
_REGION_PIXELS = 512
"""The region is scaled to this size; the mesh network takes 192 or 256 pixels of it."""


@dataclass(frozen=True)
class Landmarks:
    """A clip's landmarks.

    points: (T, 478, 3) float32; x and y in frame pixels, (0.5, 0.5) is the centre of the first pixel; z in the same
        unit, smaller is nearer. Frames without a face are NaN. Closed lids are corrected (`close_eyelids`).
    faces: the largest number of faces seen at once; 1 where one of them was chosen.
    """

    points: np.ndarray
    faces: int

    @property
    def found(self) -> np.ndarray:
        """(T,) bool: frames with a face."""
        return np.isfinite(self.points[:, 0, 0])


def find_landmarks(
    frames: np.ndarray | Sequence[np.ndarray], fps: float, progress: Progress = no_progress
) -> Landmarks:
    """Find the landmarks of the largest face in every frame.

    frames: T pictures (H, W, 3) uint8 RGB.

    Raises InputError when no face is found, or a face in less than half of the frames.
    """
    step = sample_step(fps)
    boxes = list(face_boxes(frames[::step]))
    region = head_region(boxes)
    if region is None:
        raise InputError(NO_FACE)
    points = np.full((len(frames), COUNT, 3), np.nan, np.float32)
    with LandmarkFinder(region) as finder:
        for index, frame in enumerate(frames):
            if index % 10 == 0:
                progress(index / len(frames), "Finding the face")
            points[index] = finder.find(frame)
    return complete(points, max(map(len, boxes)))


def complete(points: np.ndarray, faces: int) -> Landmarks:
    """Return the landmarks of a clip with closed lids; InputError where half of the frames have none."""
    found = np.isfinite(points[:, 0, 0])
    if found.mean() < 0.5:
        raise InputError(f"A face was found in only {found.sum()} of {len(points)} frames. Choose a part of the clip "
                         "where the face stays visible.")
    return Landmarks(close_eyelids(points), faces)


class LandmarkFinder:
    """Finds the landmarks of one face in consecutive frames, in a fixed square of them; use it as a context manager."""

    def __init__(self, region: Crop):
        """Take the square, which holds the head with some space around it."""
        self._region = region
        scale = _REGION_PIXELS / region.size
        shift_x, shift_y = ((0.5 - start) * scale - 0.5 for start in (region.x, region.y))
        self._matrix = np.array([[scale, 0, shift_x], [0, scale, shift_y]])
        self._interpolation = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR

    def __enter__(self) -> LandmarkFinder:
        self._mesh = _mediapipe().solutions.face_mesh.FaceMesh(
            static_image_mode=False, max_num_faces=1, refine_landmarks=True,
            min_detection_confidence=0.4, min_tracking_confidence=0.4,
        )
        return self

    def __exit__(self, *error: object) -> None:
        self._mesh.close()

    def find(self, frame: np.ndarray) -> np.ndarray:
        """Return the landmarks (478, 3) of a frame (H, W, 3) uint8 RGB as in `Landmarks.points`; NaN without a face."""
        size = (_REGION_PIXELS, _REGION_PIXELS)
        detected = self._mesh.process(
            cv2.warpAffine(frame, self._matrix, size, flags=self._interpolation)).multi_face_landmarks
        if not detected:
            return np.full((COUNT, 3), np.nan, np.float32)
        points = np.array([(p.x, p.y, p.z) for p in detected[0].landmark], np.float32) * self._region.size
        return points + np.array([self._region.x, self._region.y, 0], np.float32)


def sample_step(fps: float) -> int:
    """Return how many frames lie `SAMPLE_SECONDS` apart."""
    return max(1, round(SAMPLE_SECONDS * fps))


def face_boxes(frames: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    """Yield the faces of each frame (H, W, 3) uint8 RGB as left, top, right, bottom in pixels, the widest first."""
    detection = _mediapipe().solutions.face_detection.FaceDetection
    with detection(model_selection=1, min_detection_confidence=0.4) as far:
        with detection(min_detection_confidence=0.4) as near:
            for frame in frames:
                yield _boxes(far, frame) or _boxes(near, frame)


def head_region(boxes: Iterable[list[np.ndarray]]) -> Crop | None:
    """Return the square that holds one person's head in all sampled frames; None when no frame has a face.

    boxes: what `face_boxes` yields.
    """
    chosen: list[np.ndarray] = []
    for detected in boxes:
        if detected:
            chosen.append(_same_person(detected, chosen))
    if not chosen:
        return None
    left, top = np.min([box[:2] for box in chosen], axis=0)
    right, bottom = np.max([box[2:] for box in chosen], axis=0)
    face_width = float(np.median([box[2] - box[0] for box in chosen]))
    size = int(np.ceil(max(right - left, bottom - top) + 1.2 * face_width))
    return Crop(round((left + right - size) / 2), round((top + bottom - size) / 2), size)


def _mediapipe():
    """Import MediaPipe without the log lines that its C++ side prints."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import mediapipe

    return mediapipe


def _boxes(detector, frame: np.ndarray) -> list[np.ndarray]:
    """Return the faces of one frame as left, top, right, bottom in pixels, the widest first."""
    height, width = frame.shape[:2]
    boxes = []
    for detection in detector.process(frame).detections or []:
        box = detection.location_data.relative_bounding_box
        corners = np.array([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height])
        boxes.append(corners * [width, height, width, height])
    return sorted(boxes, key=lambda box: -(box[2] - box[0]))


def _same_person(detected: list[np.ndarray], previous: list[np.ndarray]) -> np.ndarray:
    """Return the box nearest to the person's last one; the widest where there is none yet."""
    if not previous:
        return detected[0]
    return min(detected, key=lambda box: float(np.abs(box - previous[-1]).sum()))
