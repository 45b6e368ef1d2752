"""Where the face is in every frame: MediaPipe's 478 landmarks, in a window that holds the head for the whole clip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.track.landmarks.eyelids import close_eyelids

COUNT = 478
"""Landmarks of one face: 468 of the mesh and 5 of each iris."""

_DETECT_EVERY_SECONDS = 0.4
_WINDOW_PIXELS = 512
"""The window is scaled to this size: the mesh network reads 192 or 256 pixels of it."""


@dataclass(frozen=True)
class Landmarks:
    """points: (T, 478, 3) float32; x, y in frame pixels ((0.5, 0.5) is the centre of the first), z in the same unit,
    smaller is nearer. Rows of frames without a face are NaN. Lids that close are shut (`headroom.track.landmarks.eyelids`).

    faces: how many people were seen at once.
    """

    points: np.ndarray
    faces: int

    @property
    def found(self) -> np.ndarray:
        """(T,) bool."""
        return np.isfinite(self.points[:, 0, 0])


def find_landmarks(frames: np.ndarray | Sequence[np.ndarray], fps: float, progress: Progress = no_progress) -> Landmarks:
    """Landmarks of the largest face in every frame.

    frames: T pictures (H, W, 3) uint8 RGB.

    Raises InputError when no face is found, or one in under half of the frames.
    """
    window, faces = _head_window(frames, fps)
    points = np.full((len(frames), COUNT, 3), np.nan, np.float32)
    with _face_mesh() as mesh:
        for index, picture in enumerate(_windows(frames, window)):
            if index % 10 == 0:
                progress(index / len(frames), "Finding the face")
            found = mesh.process(picture).multi_face_landmarks
            if found:
                points[index] = _to_frame(found[0], window)
    result = Landmarks(close_eyelids(points), faces)
    if result.found.mean() < 0.5:
        raise InputError(
            f"A face was found in only {result.found.sum()} of {len(frames)} frames. "
            "Choose a part of the clip where the face stays visible."
        )
    return result


def _face_mesh():
    mediapipe = _mediapipe()
    return mediapipe.solutions.face_mesh.FaceMesh(
        static_image_mode=False, max_num_faces=1, refine_landmarks=True,
        min_detection_confidence=0.4, min_tracking_confidence=0.4,
    )


def _mediapipe():
    """MediaPipe, without the log lines its C++ side prints while loading."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import mediapipe

    return mediapipe


def _head_window(frames, fps: float) -> tuple[tuple[int, int, int], int]:
    """The square (x, y, size) that holds the largest face's head in all sampled frames, and the most faces at once."""
    step = max(1, round(_DETECT_EVERY_SECONDS * fps))
    boxes: list[np.ndarray] = []
    faces = 0
    with _mediapipe().solutions.face_detection.FaceDetection(model_selection=1, min_detection_confidence=0.4) as far:
        with _mediapipe().solutions.face_detection.FaceDetection(min_detection_confidence=0.4) as near:
            for frame in frames[::step]:
                found = _boxes(far, frame) or _boxes(near, frame)
                faces = max(faces, len(found))
                if found:
                    boxes.append(_the_same_person(found, boxes))
    if not boxes:
        raise InputError("No face found in the clip. Choose a clip where the face is visible and lit.")
    left, top = np.min([box[:2] for box in boxes], axis=0)
    right, bottom = np.max([box[2:] for box in boxes], axis=0)
    face = float(np.median([box[2] - box[0] for box in boxes]))
    size = int(np.ceil(max(right - left, bottom - top) + 1.2 * face))
    x, y = round((left + right - size) / 2), round((top + bottom - size) / 2)
    return (x, y, size), faces


def _boxes(detector, frame: np.ndarray) -> list[np.ndarray]:
    """Faces of one frame as (left, top, right, bottom) pixels, the largest first."""
    height, width = frame.shape[:2]
    found = detector.process(frame).detections or []
    boxes = []
    for detection in found:
        box = detection.location_data.relative_bounding_box
        corners = np.array([box.xmin, box.ymin, box.xmin + box.width, box.ymin + box.height])
        boxes.append(corners * [width, height, width, height])
    return sorted(boxes, key=lambda box: -(box[2] - box[0]))


def _the_same_person(found: list[np.ndarray], before: list[np.ndarray]) -> np.ndarray:
    """The largest face at first, then the face nearest to where that person was."""
    if not before:
        return found[0]
    return min(found, key=lambda box: float(np.abs(box - before[-1]).sum()))


def _windows(frames: Iterable[np.ndarray], window: tuple[int, int, int]) -> Iterator[np.ndarray]:
    x, y, size = window
    scale = _WINDOW_PIXELS / size
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]], np.float64)
    matrix[:, 2] += 0.5 * scale - 0.5
    interpolation = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    for frame in frames:
        yield cv2.warpAffine(frame, matrix, (_WINDOW_PIXELS, _WINDOW_PIXELS), flags=interpolation)


def _to_frame(landmarks, window: tuple[int, int, int]) -> np.ndarray:
    x, y, size = window
    points = np.array([(p.x, p.y, p.z) for p in landmarks.landmark], np.float32) * size
    return points + np.array([x, y, 0], np.float32)
