"""Jobs that show the result so far, and end with what they have learned when the user asks."""

import pytest
from running import wait_for

from addon.core.client import Refused


@pytest.fixture
def learn(client, tmp_path):
    """Return a function that submits a learn job of a clip with these bytes."""
    def submit(content):
        clip = tmp_path / "clip.mp4"
        clip.write_bytes(content)
        return client.submit("learn", {"clip": client.put_file(clip)}, {"consent": True})
    return submit


def shown(client, job, other_than=None):
    """Return the job when it first shows a picture, another one than given."""
    return next(each for each in client.events(job.id) if each.preview not in (None, other_than))


def test_a_job_in_training_shows_pictures_of_which_only_the_latest_is_stored(client, learn, tmp_path):
    job = learn(b"early")
    first = shown(client, job)
    second = shown(client, job, first.preview)
    assert client.job(job.id).preview not in (None, first.preview)
    with pytest.raises(Refused):
        client.get_file(first.preview, tmp_path / "first.jpg")
    client.finish(job.id)
    wait_for(client, job.id)
    with pytest.raises(Refused):
        client.get_file(second.preview, tmp_path / "second.jpg")


def test_the_picture_is_fetched_as_a_blob(client, learn, tmp_path):
    job = learn(b"early")
    for _ in range(20):  # the next picture may replace it meanwhile
        try:
            client.get_file(shown(client, job).preview, tmp_path / "picture.jpg")
            break
        except Refused:
            continue
    assert (tmp_path / "picture.jpg").read_bytes().startswith(b"picture ")
    client.cancel(job.id)


def test_a_job_finishes_early_with_what_it_has_learned(client, learn):
    job = learn(b"early")
    shown(client, job)
    assert client.finish(job.id).state == "running"
    done = wait_for(client, job.id)
    assert (done.state, done.progress, done.preview) == ("done", 1.0, None)
    assert "subject.toml" in done.result["subject"]
    assert done.result["notes"][0].startswith("Ended early after")


def test_a_job_that_has_learned_nothing_cannot_finish_early(client, perform):
    job = perform("wait")
    with pytest.raises(Refused, match="This job has learned nothing yet that it could finish with"):
        client.finish(job.id)
    client.cancel(job.id)


def test_a_job_that_has_ended_stays_as_it_is(client, learn):
    done = wait_for(client, learn(b"a short clip").id)
    assert client.finish(done.id) == done
