"""One shot from a subject and a speech, as options say, made by the add-on in headless Blender."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from headroom.cli.blender import running_extension
from headroom.common.choices import Engine, Layer
from headroom.common.errors import InputError
from headroom.common.progress import Progress, no_progress
from headroom.common.settings import MatchSettings, PerformSettings


@dataclass(frozen=True)
class ShotOptions:
    """How a shot is made.

    controls: texts such as "mouth.gain=1.2" that change the prediction (`pipeline.perform`).
    performance: file of a performance to use instead of predicting one.
    blend: file to save the scene to.
    key_error: of the sparse keys, 1 is 0.15 degrees, 0.3 mm and 0.01 of a control; 0 keys every frame.
    engine: what draws the head.
    label: text in a corner of the picture; empty for none.
    layer: the finished frame, or the refined face alone.
    people: subject and speech of each of the other people in the picture.
    mirror: whether left and right of the performance in the file change sides.
    """

    perform: PerformSettings = field(default_factory=PerformSettings)
    match: MatchSettings = field(default_factory=MatchSettings)
    controls: tuple[str, ...] = ()
    performance: Path | None = None
    blend: Path | None = None
    key_error: float = 1.0
    engine: Engine = "auto"
    label: str = ""
    layer: Layer = "frame"
    people: tuple[tuple[Path, Path], ...] = ()
    mirror: bool = False

    @property
    def changes_prediction(self) -> bool:
        """Whether the add-on cannot predict this performance by itself."""
        return bool(self.controls) or self.perform.pose != PerformSettings().pose


@dataclass(frozen=True)
class ShotResult:
    """A finished shot: its number of frames and what the user should know."""

    frames: int
    notes: list[str]


def make_shot(subject: Path, speech: Path, movie: Path, options: ShotOptions = ShotOptions(),
              progress: Progress = no_progress) -> ShotResult:
    """Build the scene of a shot, render it, refine it and write the movie.

    Raises InputError for wrong input, HeadroomError when Blender fails.
    """
    require_usable(subject, speech, options)
    if options.performance is not None and (options.changes_prediction or options.perform.transcript is not None):
        raise InputError("--control, --pose and --transcript change a prediction, and --performance is used instead of "
                         "one; leave one of them out.")
    if options.mirror and options.performance is None:
        raise InputError("Only a performance from a file is mirrored. Add --performance, or leave --mirror out.")
    if options.people and (options.performance is not None or options.perform.transcript is not None
                           or options.controls):
        raise InputError("--control, --performance and --transcript are for one person, and --with adds others; leave "
                         "one of them out.")
    progress(0.0, "Starting Blender")
    with running_extension() as extension:
        performance = options.performance
        if options.changes_prediction and not options.people:
            performance = _predict(subject, speech, extension.folder, options)
        arguments = _arguments(subject, speech, movie, options, performance)
        if options.perform.transcript is not None and performance is None:
            arguments += ["--transcript", _transcript(extension.folder, options.perform.transcript)]
        result = extension.run(arguments, progress)[-1]
    return ShotResult(int(result["frames"]), list(result.get("notes", ())))


def require_usable(subject: Path, speech: Path, options: ShotOptions) -> None:
    """Raise InputError for inputs and options that cannot be used, before Blender starts."""
    from headroom.media.audio import audio_on_disk, require_speech
    from headroom.media.label import open_label
    from headroom.media.sound_plan import sound_plan
    from headroom.subject.folder import Subject
    from headroom.subject.performance_files import read_performance

    person = Subject.open_for(subject, options.perform.use)
    if options.performance is not None:
        read_performance(options.performance, person.rig)
    with audio_on_disk(speech, track=options.perform.audio_track) as samples:
        if not options.people:  # of several, some may only listen
            require_speech(samples, speech.name)
    for other, other_speech in options.people:
        Subject.open_for(other, options.perform.use)
        sound_plan(other_speech)
    open_label(options.label, person.track.camera.width, person.track.camera.height)


def _arguments(subject: Path, speech: Path, movie: Path, options: ShotOptions, performance: Path | None) -> list[str]:
    """Return the words of the add-on's `shot` command."""
    arguments = ["shot", "--subject", subject, "--speech", speech, "--output", movie, "--seed", options.perform.seed,
                 "--plate-fit", options.match.plate_fit, "--key-error", options.key_error, "--engine", options.engine]
    arguments += ["--blend", options.blend] if options.blend else []
    arguments += ["--use", options.perform.use] if options.perform.use else []
    arguments += ["--label", options.label] if options.label else []
    arguments += ["--layer", options.layer] if options.layer != "frame" else []
    arguments += ["--performance", performance] if performance else []
    arguments += ["--mirror"] if options.mirror else []
    arguments += ["--audio-track", options.perform.audio_track] if options.perform.audio_track else []
    if options.people:
        arguments += ["--pose", options.perform.pose, *(word for each in options.people
                                                            for word in ("--with", "=".join(map(str, each))))]
    return [str(argument) for argument in arguments]


def _predict(subject: Path, speech: Path, folder: Path, options: ShotOptions) -> Path:
    """Predict a performance with the controls and the pose of `options`; return its file in `folder`."""
    from headroom.pipeline import perform

    performance, _ = perform(subject, speech, options.perform, controls=options.controls)
    performance.save(folder / "performance.npz")
    return folder / "performance.npz"


def _transcript(folder: Path, text: str) -> str:
    """Write the words of the speech into `folder`, because the add-on takes a file; return its path."""
    path = folder / "transcript.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)
