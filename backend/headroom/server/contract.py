"""The HTTP API, version 1, in types: what each kind of job takes, and what is answered."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

from headroom.common.errors import InputError
from headroom.server import trees
from headroom.server.jobs import Job, JobState

API_VERSION = 1


def _inside_one_folder(tree: dict[str, str]) -> dict[str, str]:
    try:
        return trees.check_tree(tree)
    except InputError as error:
        raise ValueError(str(error)) from error


Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of a file's bytes, and its name as a blob")]
Tree = Annotated[
    dict[str, Sha],
    AfterValidator(_inside_one_folder),
    Field(min_length=1, description="a folder: relative path with / between its parts -> blob"),
]
FileName = Annotated[str, Field(max_length=1000, description="the file's name at the client; its last part is used")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Asked(Strict):
    id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[0-9a-f]{32}$",
                    description="made by the client, so that a request that is sent again asks for the same job")


class LearnInputs(Strict):
    clip: Sha
    clip_name: FileName = "clip.mp4"


class LearnSettings(Strict):
    preset: str = "draft"
    albedo: Literal["low", "frame", "clip"] = Field(
        default="clip", description="the skin's texture: the model's alone, from one frame, or from the whole clip")
    resolution: Literal[256, 512] = Field(default=256, description="pixels across the face crop")
    from_seconds: Seconds | None = None
    to_seconds: Seconds | None = None
    name: str | None = None
    consent: str | bool | None = Field(default=None, description="who agreed and when, or only that they agreed")


class LearnRequest(Asked):
    kind: Literal["learn"]
    inputs: LearnInputs
    settings: LearnSettings = LearnSettings()


class PerformInputs(Strict):
    subject: Tree
    speech: Sha
    speech_name: FileName = "speech.wav"


class PerformSettings(Strict):
    seed: int = 0
    pose: Literal["predicted", "replayed"] = Field(
        default="predicted", description="the head's motion: from the speech, or the clip's own")


class PerformRequest(Asked):
    kind: Literal["perform"]
    inputs: PerformInputs
    settings: PerformSettings = PerformSettings()


class MatchInputs(Strict):
    subject: Tree
    poses: Sha = Field(
        description="npz with fps, rotation (T, 3), translation (T, 3) and, if some frames keep the position of an "
        "earlier match, held (T,): that position, NaN where a frame is free"
    )


class MatchSettings(Strict):
    plate_fit: float = Field(default=0.0, ge=0, le=1)


class MatchRequest(Asked):
    kind: Literal["match"]
    inputs: MatchInputs
    settings: MatchSettings = MatchSettings()


Renders = Annotated[list[Sha], Field(min_length=1, description="RGBA PNG pictures in the order of their frames")]


class RefineInputs(Strict):
    subject: Tree
    renders: Renders
    match: Sha = Field(description="npz that a match job made")
    speech: Sha | None = None
    speech_name: FileName = "speech.wav"


class RefineSettings(Strict):
    fps: float = Field(gt=0, allow_inf_nan=False)
    speech_from_seconds: float = Field(
        default=0.0, allow_inf_nan=False,
        description="the second of the speech that is heard with the first frame; negative where it begins later")
    speech_part: tuple[FiniteFloat, FiniteFloat] | None = Field(
        default=None, description="the seconds of the speech from and to which it is heard; null is all of it")


class RefineRequest(Asked):
    kind: Literal["refine"]
    inputs: RefineInputs
    settings: RefineSettings


class RefineFramesInputs(Strict):
    subject: Tree
    renders: Renders
    match: Sha = Field(description="npz that a match job made for the whole shot")


class RefineFramesSettings(Strict):
    first: int = Field(ge=0, description="the frame of the match, counted from 0, that the first render shows")
    context: int = Field(ge=0, description="how many of the first renders are only there for those that follow: two, "
                                           "or all that the shot has")
    compare: bool = Field(default=False, description="also give a picture of each frame before and after")


class RefineFramesRequest(Asked):
    kind: Literal["refine_frames"]
    inputs: RefineFramesInputs
    settings: RefineFramesSettings


JobRequest = Annotated[
    LearnRequest | PerformRequest | MatchRequest | RefineRequest | RefineFramesRequest, Field(discriminator="kind")
]


class JobReply(BaseModel):
    id: str
    kind: str
    state: JobState
    progress: float = Field(description="0..1")
    message: str = Field(description="what is being done, or how the job ended, in a sentence for the user")
    result: dict[str, Any] | None = Field(description="of a done job; architecture.md lists it by kind")
    created: float = Field(description="seconds since 1970")
    finished: float | None = Field(description="seconds since 1970")

    @staticmethod
    def of(job: Job) -> "JobReply":
        return JobReply(id=job.id, kind=job.kind, state=job.state, progress=job.progress, message=job.message,
                        result=job.result, created=job.created, finished=job.finished)


class Health(BaseModel):
    api: int
    version: str
    device: str = Field(description="what the networks run on; 'starting' until the worker has said so")


class ErrorBody(BaseModel):
    code: str
    message: str = Field(description="one sentence for the user")


class ErrorReply(BaseModel):
    error: ErrorBody


def job_of(request: JobRequest) -> Job:
    return Job(request.kind, request.inputs.model_dump(), request.settings.model_dump(), request.id)


def named_blobs(inputs: dict[str, Any]) -> list[str]:
    """The blobs that a job's checked inputs name, each once, in their order."""
    found: list[str] = []
    for key, value in inputs.items():
        if value is None or key.endswith("_name"):
            continue
        found += [value] if isinstance(value, str) else value.values() if isinstance(value, dict) else value
    return list(dict.fromkeys(found))
