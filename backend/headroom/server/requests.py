"""What each kind of job is asked with: its inputs, its settings and the type of its result."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from headroom.common.settings import (
    AlignWordsSettings,
    CheckSettings,
    EvaluateSettings,
    JoinChunksSettings,
    LearnSettings,
    MatchSettings,
    PerformSettings,
    RefineChunkSettings,
    RefineFramesSettings,
    RefineSettings,
    WriteTrackSettings,
)
from headroom.server.inputs import (
    AlignWordsInputs,
    JoinChunksInputs,
    LearnInputs,
    MatchPlatesInputs,
    PerformInputs,
    RefineChunkInputs,
    RefineFramesInputs,
    RefineInputs,
    Strict,
    WriteTrackInputs,
)
from headroom.server.results import (
    AlignWordsResult,
    CheckResult,
    EvaluateResult,
    JobResult,
    LearnResult,
    MatchPlatesResult,
    PerformResult,
    RefineChunkResult,
    RefineFramesResult,
    RefineResult,
    WriteTrackResult,
)

JobKind = Literal["learn", "perform", "align_words", "write_track", "match_plates", "refine", "refine_frames",
                  "refine_chunk", "join_chunks", "evaluate", "check"]
Priority = Literal["low", "normal", "high"]


class Request(Strict):
    """Base of the requests for a job."""

    id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=r"^[0-9a-f]{32}$",
                    description="chosen by the client, so that a request that is sent twice asks for one job")
    priority: Priority = Field(default="normal", description="among the user's own jobs: a high one runs first")


class LearnRequest(Request):
    """Learn a person from a clip or a photo."""

    kind: Literal["learn"]
    inputs: LearnInputs
    settings: LearnSettings = LearnSettings()


class EvaluateRequest(Request):
    """Learn a person from the beginning of a clip, remake the rest and measure it."""

    kind: Literal["evaluate"]
    inputs: LearnInputs
    settings: EvaluateSettings = EvaluateSettings()


class CheckRequest(Request):
    """Tell whether a clip is good to learn from, and who is seen in it."""

    kind: Literal["check"]
    inputs: LearnInputs
    settings: CheckSettings = CheckSettings()


class PerformRequest(Request):
    """Predict a performance from speech."""

    kind: Literal["perform"]
    inputs: PerformInputs
    settings: PerformSettings = PerformSettings()


class AlignWordsRequest(Request):
    """Find the words of a transcript in speech."""

    kind: Literal["align_words"]
    inputs: AlignWordsInputs
    settings: AlignWordsSettings


class WriteTrackRequest(Request):
    """Write an audio track of a file as a sound file, for programs that play a file's first track."""

    kind: Literal["write_track"]
    inputs: WriteTrackInputs
    settings: WriteTrackSettings


class MatchPlatesRequest(Request):
    """Find a plate for each frame of a shot."""

    kind: Literal["match_plates"]
    inputs: MatchPlatesInputs
    settings: MatchSettings = MatchSettings()


class RefineRequest(Request):
    """Make the finished movie of a shot from its renders."""

    kind: Literal["refine"]
    inputs: RefineInputs
    settings: RefineSettings


class RefineFramesRequest(Request):
    """Refine some frames of a shot before its movie is made."""

    kind: Literal["refine_frames"]
    inputs: RefineFramesInputs
    settings: RefineFramesSettings


class RefineChunkRequest(Request):
    """Finish some frames of a shot, to be joined with others."""

    kind: Literal["refine_chunk"]
    inputs: RefineChunkInputs
    settings: RefineChunkSettings


class JoinChunksRequest(Request):
    """Make the finished movie of a shot from its chunks."""

    kind: Literal["join_chunks"]
    inputs: JoinChunksInputs
    settings: JoinChunksSettings


JobRequest: TypeAlias = Annotated[
    LearnRequest | PerformRequest | AlignWordsRequest | WriteTrackRequest | MatchPlatesRequest | RefineRequest
    | RefineFramesRequest | RefineChunkRequest | JoinChunksRequest | EvaluateRequest | CheckRequest,
    Field(discriminator="kind"),
]
JOB_REQUEST: TypeAdapter[JobRequest] = TypeAdapter(JobRequest)
"""Reads a request from JSON as the class of its kind."""
RESULT_TYPES: dict[str, type[JobResult]] = {
    "learn": LearnResult, "perform": PerformResult, "align_words": AlignWordsResult,
    "write_track": WriteTrackResult, "match_plates": MatchPlatesResult, "refine": RefineResult,
    "refine_frames": RefineFramesResult, "refine_chunk": RefineChunkResult, "join_chunks": RefineResult,
    "evaluate": EvaluateResult, "check": CheckResult}
"""The type of the result by the kind of the job."""
