"""Commands that animate a subject from speech: perform, shot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headroom.cli.console import out, print_notes, progress_bar
from headroom.cli.options import (
    AudioTrackOption,
    ControlOption,
    EngineOption,
    LabelOption,
    LayerOption,
    PoseOption,
    SeedOption,
    SpeechArgument,
    SubjectArgument,
    TranscriptOption,
    UseOption,
    WithOption,
    people_of,
    settings_of,
)
from headroom.common.choices import WRITTEN_SUFFIXES
from headroom.common.errors import InputError
from headroom.common.outputs import require_movie, require_output_file


def perform(
    subject: Annotated[Path, typer.Argument(help="Folder that `learn` wrote; with --neutral, the recording.",
                                            show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Performance to write: .npz, or its controls as Live "
                                                                "Link Face .csv, .json or VRM .vrma.")],
    control: ControlOption,
    speech: Annotated[Path | None, typer.Argument(help="Any recording of speech, or a video with one.",
                                                  show_default=False)] = None,
    neutral: Annotated[bool, typer.Option("--neutral", help="Perform as the average speaker, without a subject, for "
                                                            "other characters.")] = False,
    seed: SeedOption = 0,
    pose: PoseOption = "predicted",
    audio_track: AudioTrackOption = None,
    use: UseOption = "",
    transcript: TranscriptOption = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw sound, phones, lip opening and head pose, .png.")] = None,
) -> None:
    """Predict expression and head motion from speech."""
    person, speech = _person_and_speech(subject, speech, neutral)
    if person is None and plot:
        raise InputError("The average speaker has no clip to plot; use --neutral without --plot.")
    require_output_file(output, *WRITTEN_SUFFIXES, inputs=[speech, transcript])
    if plot:
        require_output_file(plot, ".png", inputs=[speech, transcript])
    from headroom import pipeline
    from headroom.common.settings import PerformSettings
    from headroom.subject.performance_files import write_performance

    settings = settings_of(PerformSettings, seed=seed, pose=pose, audio_track=audio_track, use=use,
                           transcript=_transcript(transcript) if transcript else None)
    with progress_bar() as progress:
        performance, notes = pipeline.perform(person, speech, settings, controls=control, progress=progress)
    notes = notes + write_performance(performance, output)
    if plot and person is not None:
        from headroom.evaluation.performance_plot import plot_performance

        notes = notes + plot_performance(person, speech, performance, plot, audio_track)
    print_notes(notes)
    out.print(f"Wrote {output}: {performance.seconds:.2f} s at {performance.fps:g} fps", markup=False)
    if plot:
        out.print(f"Wrote {plot}", markup=False)


def _transcript(path: Path) -> str:
    """Return the text of a file."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}. Choose another file.") from error
    except ValueError as error:
        raise InputError(f"{path} is not text in UTF-8. Save it as UTF-8, or choose another file.") from error


def _person_and_speech(first: Path, second: Path | None, neutral: bool) -> tuple[Path | None, Path]:
    """Return subject and speech from the arguments; no subject for the average speaker."""
    if neutral and second is not None:
        raise InputError(f"--neutral needs no subject; leave {first} out.")
    if not neutral and second is None:
        raise InputError("A subject and a speech are needed: headroom perform SUBJECT SPEECH. Name both, or use "
                         "--neutral with the speech alone.")
    return (first, second) if second is not None else (None, first)


def shot(
    subject: SubjectArgument,
    speech: SpeechArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="Movie to write: .mp4, .mov, .mkv or .webm, "
                                                                     "or pictures as in shot.####.png.")],
    control: ControlOption,
    others: WithOption,
    blend: Annotated[Path | None, typer.Option(help="Also save the editable scene, .blend.")] = None,
    performance: Annotated[Path | None, typer.Option(help="Use this performance instead of predicting one: .npz, "
                                                             "Live Link Face .csv, or .json.")] = None,
    mirror: Annotated[bool, typer.Option("--mirror", help="Left and right of that performance change sides.")] = False,
    seed: SeedOption = 0,
    plate_fit: Annotated[float, typer.Option(help="0 keeps the head motion, 1 takes the plates' poses.", min=0,
                                             max=1)] = 0.0,
    pose: PoseOption = "predicted",
    audio_track: AudioTrackOption = None,
    transcript: TranscriptOption = None,
    key_error: Annotated[float, typer.Option(help="Error of the sparse keys, in units of 0.15 degrees, 0.3 mm "
                                                  "and 0.01 of a face control; 0 keys every frame.", min=0)] = 1.0,
    engine: EngineOption = "auto",
    use: UseOption = "",
    label: LabelOption = "",
    layer: LayerOption = "frame",
) -> None:
    """Make a finished shot in Blender: the person says the speech, full frame, also with others in the picture."""
    people = people_of(others)
    inputs = [speech, performance, transcript, *(each for _, each in people)]
    require_movie(output, layer, inputs=inputs)
    if blend:
        require_output_file(blend, ".blend", inputs=inputs)
    from headroom.cli.shot import ShotOptions, make_shot
    from headroom.common.settings import MatchSettings, PerformSettings

    options = ShotOptions(
        perform=settings_of(PerformSettings, seed=seed, pose=pose, use=use, audio_track=audio_track,
                            transcript=_transcript(transcript) if transcript else None),
        match=settings_of(MatchSettings, plate_fit=plate_fit, use=use),
        controls=tuple(control), performance=performance, mirror=mirror, blend=blend, key_error=key_error,
        engine=engine, label=label, layer=layer, people=people)
    with progress_bar() as progress:
        result = make_shot(subject, speech, output, options, progress)
    print_notes(result.notes)
    out.print(f"Wrote {output}: {result.frames} frames", markup=False)
    if blend:
        out.print(f"Wrote {blend}", markup=False)
