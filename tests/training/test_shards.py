"""A corpus is planned and prepared in shards: each clip once, whatever interrupts it, and bad clips with a reason."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from shard_stages import FAKE, write_clips

from headroom.common.errors import InputError
from headroom.face.model import bundled_model
from headroom.motion.train.config import GENERAL
from headroom.motion.train.dataset import make_sample
from headroom.training.corpus import find_clips
from headroom.training.shards import plan
from headroom.training.shards.folder import FORMAT, CorpusFolder
from headroom.training.shards.plan import open_corpus, plan_shards
from headroom.training.shards.prepare import prepare_shard
from headroom.training.shards.report import write_report
from headroom.training.shards.shard_file import read_shard

LRW = [f"lipread_mp4/{word}/{part}/{word}_{number:05d}.mp4" for word in ("ABOUT", "AFTER")
       for part in ("train", "test") for number in range(6)]
CONFIG = replace(GENERAL, augment=replace(GENERAL.augment, variants=2))


@pytest.fixture
def lrw_folder(tmp_path):
    return write_clips(tmp_path / "lrw", LRW)


def planned(folder, *datasets, clips_per_shard=5):
    corpus = open_corpus(folder, bundled_model(), CONFIG, clips_per_shard)
    plan_shards(corpus, datasets)
    return corpus


def manifests(corpus):
    return [corpus.manifest(number) for number in range(corpus.shard_count)]


def prepared(folder, *datasets, **more):
    corpus = planned(folder, *datasets, **more)
    for number in corpus.unfinished():
        prepare_shard(corpus, number, CONFIG, FAKE)
    return corpus


def test_each_training_clip_is_in_one_shard_and_is_planned_once(lrw_folder, tmp_path):
    corpus = planned(tmp_path / "corpus", lrw_folder)
    rows = [row for shard in manifests(corpus) for row in shard]
    assert sorted(row.path for row in rows) == sorted(name[12:] for name in LRW if "/train/" in name)
    assert [len(shard) for shard in manifests(corpus)] == [5, 5, 2]
    assert rows != sorted(rows), "a shard is a random part of the corpus"
    before = manifests(corpus)
    assert manifests(planned(tmp_path / "corpus", lrw_folder / "lipread_mp4")) == before
    write_clips(lrw_folder, ["lipread_mp4/AGAIN/train/AGAIN_00001.mp4"])
    added = manifests(planned(tmp_path / "corpus", lrw_folder))
    assert added[:3] == before and [row.path for row in added[3]] == ["AGAIN/train/AGAIN_00001.mp4"]


def test_a_plan_that_was_interrupted_goes_on_as_it_would_have(lrw_folder, tmp_path, monkeypatch):
    whole = manifests(planned(tmp_path / "whole", lrw_folder))
    real, written = plan.atomic_write, []

    def stop_at_the_second(path):
        written.append(path)
        if len(written) == 2:
            raise KeyboardInterrupt
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(plan, "atomic_write", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            planned(tmp_path / "stopped", lrw_folder)
    assert manifests(planned(tmp_path / "stopped", lrw_folder)) == whole


def test_a_shard_of_large_movies_has_fewer_of_them(tmp_path, monkeypatch):
    folder = write_clips(tmp_path / "clips", [f"{number}.mp4" for number in range(4)], "x" * 2_000_000)
    monkeypatch.setattr(plan, "SHARD_BYTES", 3_000_000)
    shards = manifests(planned(tmp_path / "corpus", folder))
    assert [len(shard) for shard in shards] == [2, 2] and shards[0][0].size == 2_000_000


def test_the_clips_of_a_person_follow_each_other_and_have_the_person_s_name(tmp_path):
    folder = write_clips(tmp_path / "people", [f"{person}/{number}.mp4" for person in "abcdef" for number in range(3)])
    shards = manifests(planned(tmp_path / "corpus", folder, clips_per_shard=6))
    people = [row.speaker for shard in shards for row in shard]
    assert all(people[index] == people[index + 1] for index in range(0, 18, 3)) and len(set(people)) == 6


def test_data_sets_that_cannot_be_told_apart_held_out_people_and_changed_clips_are_refused(lrw_folder, tmp_path):
    for place in ("a", "b"):
        write_clips(tmp_path / place / "clips", ["x.mp4"])
    with pytest.raises(InputError, match="Two data sets have the name clips, which tells their clips apart"):
        planned(tmp_path / "corpus", tmp_path / "a" / "clips", tmp_path / "b" / "clips")
    with pytest.raises(InputError, match="31 is held out for measuring"):
        planned(tmp_path / "corpus", write_clips(tmp_path / "held_out", ["31.mp4"]))
    assert not (tmp_path / "corpus").exists()
    planned(tmp_path / "corpus", lrw_folder)
    write_clips(lrw_folder, [LRW[0]], "a longer text")
    with pytest.raises(InputError, match=r"ABOUT_00000\.mp4 was changed after the corpus was planned"):
        planned(tmp_path / "corpus", lrw_folder)


def test_bad_clips_are_listed_with_the_reason_and_the_others_are_counted(lrw_folder, tmp_path):
    write_clips(lrw_folder, [LRW[0]], "no face")
    write_clips(lrw_folder, [LRW[1]], "bug")
    corpus = prepared(tmp_path / "corpus", lrw_folder)
    statistics = write_report(corpus)
    assert (statistics.clips, statistics.left_out, statistics.shards) == (10, 2, 3)
    assert statistics.seconds == pytest.approx(11.6) and statistics.confidence[7] == 1.0
    assert statistics.clips_without_person == 10 and statistics.yaw_degrees[0] < statistics.yaw_degrees[1]
    with open(corpus.path / "left_out.csv", encoding="utf-8", newline="") as file:
        reasons = {row["clip"][-15:]: row["reason"] for row in csv.DictReader(file)}
    assert reasons == {"ABOUT_00000.mp4": "No face found in the clip.",
                       "ABOUT_00001.mp4": "Internal error (ZeroDivisionError: a bug). Report it as a bug."}
    assert (corpus.path / "previews.jpg").is_file()


def test_a_finished_shard_is_not_prepared_again_and_an_interrupted_one_becomes_the_same(lrw_folder, tmp_path):
    corpus = prepared(tmp_path / "corpus", lrw_folder)
    first = corpus.shard_file(0).read_bytes()

    def fail(*given):
        raise AssertionError("tracked again")

    for number in range(3):
        prepare_shard(corpus, number, CONFIG, replace(FAKE, track=fail))
    corpus.shard_file(0).unlink()
    clips = []

    def stop(movie, *rest):
        clips.append(movie)
        if len(clips) == 4:
            raise KeyboardInterrupt
        return FAKE.track(movie, *rest)

    with pytest.raises(KeyboardInterrupt):
        prepare_shard(corpus, 0, CONFIG, replace(FAKE, track=stop))
    assert list(corpus.unfinished()) == [0]
    prepare_shard(corpus, 0, CONFIG, FAKE)
    assert corpus.shard_file(0).read_bytes() == first
    assert not [path for path in corpus.path.rglob("*") if path.name.startswith(".")]


def test_an_unreadable_disk_is_not_the_clip_s_fault(lrw_folder, tmp_path):
    corpus = planned(tmp_path / "corpus", lrw_folder)

    def unreadable(*given):
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        prepare_shard(corpus, 0, CONFIG, replace(FAKE, track=unreadable))
    assert len(list(corpus.unfinished())) == 3


def test_a_shard_holds_motion_sound_and_features_of_real_clips(lrw, tmp_path):
    corpus = planned(tmp_path / "corpus", lrw)
    summary = prepare_shard(corpus, 0, CONFIG)
    assert summary["clips"] == 2 and "No face found" in summary["left_out"][0][1]
    for clip in read_shard(corpus.shard_file(0)):
        assert len(clip.motion) == 29 and clip.person == "" and clip.name.startswith("lipread_mp4/A")
        clean = make_sample(clip.sound, np.zeros((29, 70)), CONFIG.network.features, CONFIG.augment,
                            np.random.default_rng(0)).rows[0].numpy()
        assert np.abs(clip.rows[0] - clean).max() < 0.01 * np.abs(clean).max() + 0.01


def test_damaged_and_foreign_files_are_refused(lrw_folder, tmp_path):
    corpus = prepared(tmp_path / "corpus", lrw_folder)
    shard = corpus.shard_file(0)
    whole = shard.read_bytes()
    for content in (b"no tar", whole[:2000], whole.replace(b"expression.npy", b"expressiom.npy")):
        shard.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read; remove it and prepare the corpus again"):
            list(read_shard(shard))
    corpus.summary_file(1).write_text("{")
    with pytest.raises(InputError, match=r"cannot be read; remove .*000001\.tar and prepare the corpus again"):
        write_report(corpus)
    corpus.manifest_file(2).write_text("[1]\n")
    with pytest.raises(InputError, match="cannot be read; prepare the corpus again in another folder"):
        planned(tmp_path / "corpus", lrw_folder)
    with pytest.raises(InputError, match="is a prepared corpus, which `train motion` alone reads"):
        find_clips([corpus.path])


def test_a_corpus_of_another_encoder_or_a_newer_version_is_refused(lrw_folder, tmp_path):
    corpus = planned(tmp_path / "corpus", lrw_folder)
    with pytest.raises(InputError, match="was prepared with another face model, tracker or speech encoder"):
        open_corpus(corpus.path, bundled_model(), GENERAL, 5)
    settings = json.loads((corpus.path / "corpus.json").read_text())
    (corpus.path / "corpus.json").write_text(json.dumps({**settings, "format": FORMAT + 1}))
    with pytest.raises(InputError, match="was written by a newer version of Headroom"):
        CorpusFolder(corpus.path).settings  # noqa: B018
