"""The memory: loss and update against loops written by hand, ages, retrieval, files, smoothness over time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from headroom.common.errors import InputError
from headroom.common.paths import REGRESSOR_WEIGHTS
from headroom.refine.memory import EMPTY, Memory, MemoryConfig, slots_for
from headroom.refine.memory_retrieval import MemoryTrainer, MemoryRetrieval, memory_for
from headroom.refine.spatial import SpatialConfig, bundled_spatial, face_windows, kept_tensors, restored

SMALL = MemoryConfig(slots=12, spatial=6, value=5, key=4, top=7, age_noise=0.0, shared=3)


def filled(config=SMALL, slots=None, seed=0):
    """A memory with random keys; its values are of three identities; slots from `slots` on are empty."""
    torch.manual_seed(seed)
    memory = Memory(config)
    memory.keys.copy_(normalize(torch.randn(memory.keys.shape), dim=1))
    memory.values.copy_(torch.randn(3, config.value)[torch.arange(config.slots) % 3])
    memory.ages.copy_(torch.randperm(config.slots).float())
    memory.keys[slots:], memory.values[slots:], memory.ages[slots:] = (0, 0, EMPTY) if slots else (
        memory.keys[slots:], memory.values[slots:], memory.ages[slots:])
    return memory


def cosine(a, b):
    return float(a @ b / max(float(a.norm() * b.norm()), 1e-12))


def queries_for(memory, count, seed=1):
    """Queries (B, K) and truths (B, D): known identities and, last, an unknown one."""
    torch.manual_seed(seed)
    truths = torch.cat([memory.values[torch.arange(count - 1) % 3], torch.randn(1, memory.config.value)])
    return normalize(torch.randn(count, memory.config.key), dim=1), truths


@pytest.mark.parametrize("slots", [None, 5])
def test_the_loss_matches_a_loop_written_by_hand(slots):
    memory = filled(slots=slots)
    queries, truths = queries_for(memory, 9)
    terms = []
    for query, truth in zip(queries, truths):
        used = [i for i in range(12) if memory.ages[i] != EMPTY]
        nearest = sorted(used, key=lambda i: -float(query @ memory.keys[i]))[: SMALL.top]
        same = [float(query @ memory.keys[i]) for i in nearest if cosine(truth, memory.values[i]) > SMALL.same]
        other = [float(query @ memory.keys[i]) for i in nearest if cosine(truth, memory.values[i]) <= SMALL.same]
        if same and other:
            terms.append(max(0.0, max(other) - min(same) + SMALL.margin))
    assert 0 < len(terms) < 9 and sum(terms) > 0
    assert memory.loss(queries, truths).item() == pytest.approx(sum(terms) / len(terms), abs=1e-6)


def test_a_masked_out_key_is_no_candidate_even_where_all_cosines_are_negative():
    memory = filled(replace(SMALL, slots=3))
    memory.keys.copy_(-torch.eye(4)[:3] * torch.tensor([0.9, 0.5, 0.2])[:, None])
    query = torch.tensor([[0.5, 0.5, 0.5, 0.5]])
    assert memory.loss(query, memory.values[:1]).item() == pytest.approx(0.45 - 0.1 + SMALL.margin)


def test_a_query_whose_nearest_keys_are_of_one_kind_says_nothing():
    memory = filled()
    unknown = torch.randn(2, SMALL.value)
    loss = memory.loss(memory.ask(torch.randn(2, SMALL.spatial)), unknown)
    loss.backward()
    assert loss == 0 and all(parameter.grad is None or not parameter.grad.any() for parameter in memory.parameters())


def test_the_update_matches_a_loop_written_by_hand():
    memory = filled()
    queries, truths = queries_for(memory, 6)
    keys, values, ages = memory.keys.clone(), memory.values.clone(), memory.ages.clone()
    nearest = [int(torch.argmax(keys @ query)) for query in queries]
    known = [cosine(values[i], truth) > SMALL.same for i, truth in zip(nearest, truths)]
    assert any(known) and not all(known)
    ages += 1
    for i in {i for i, hit in zip(nearest, known) if hit}:
        together = sum(query for query, j, hit in zip(queries, nearest, known) if hit and j == i)
        keys[i], ages[i] = normalize(keys[i] + together, dim=0), 0
    oldest = sorted(range(12), key=lambda i: -float(ages[i]))
    for i, b in zip(oldest, [b for b in range(6) if not known[b]]):
        keys[i], values[i], ages[i] = queries[b], truths[b], 0
    memory.update(queries, truths, torch.Generator())
    assert torch.allclose(memory.keys, keys, atol=1e-6)
    assert torch.equal(memory.values, values) and torch.equal(memory.ages, ages)


def test_two_queries_that_meet_one_slot_both_move_its_key():
    memory = filled()
    key = memory.keys[0].clone()
    queries = normalize(key + 0.1 * torch.randn(2, 4), dim=1)
    memory.update(queries, memory.values[[0, 0]], torch.Generator())
    assert torch.allclose(memory.keys[0], normalize(key + queries.sum(0), dim=0), atol=1e-6)


def test_empty_slots_are_filled_before_any_is_replaced():
    memory = filled(slots=8)
    kept = memory.values[:8].clone()
    strangers = torch.randn(4, SMALL.value)
    memory.update(normalize(torch.randn(4, 4), dim=1), strangers, torch.Generator())
    assert torch.equal(memory.values[:8], kept)
    assert {tuple(row) for row in memory.values[8:].tolist()} == {tuple(row) for row in strangers.tolist()}
    memory.update(normalize(torch.randn(1, 4), dim=1), torch.randn(1, SMALL.value), torch.Generator())
    assert (memory.values[:8] != kept).any(1).sum() == 1


def test_age_noise_changes_which_of_the_nearly_oldest_is_replaced_and_the_seed_decides():
    def replaced(seed):
        memory = filled(replace(SMALL, age_noise=4.0))
        memory.ages.copy_(torch.arange(12.0))
        before = memory.values.clone()
        memory.update(normalize(torch.ones(1, 4), dim=1), torch.full((1, 5), 9.0), torch.Generator().manual_seed(seed))
        return int((memory.values != before).any(1).nonzero())

    found = [replaced(seed) for seed in range(30)]
    assert found == [replaced(seed) for seed in range(30)]
    assert len(set(found)) > 1 and min(found) >= 11 - 8


def test_more_strangers_than_slots_fill_the_memory_once():
    memory = Memory(replace(SMALL, slots=3))
    memory.update(normalize(torch.randn(5, 4), dim=1), torch.randn(5, SMALL.value), torch.Generator())
    assert (memory.ages == 0).all()


def test_retrieval_mixes_the_nearest_values_as_a_loop_does():
    memory = filled(slots=9)
    spatial = torch.randn(4, SMALL.spatial)
    for query, ours in zip(memory.ask(spatial), memory.retrieve(spatial)):
        scores = sorted(((float(query @ memory.keys[i]), i) for i in range(9)), reverse=True)[: SMALL.shared]
        weights = [np.exp(SMALL.sharpness * score) for score, _ in scores]
        mixed = sum(w * memory.values[i] for w, (_, i) in zip(weights, scores)) / sum(weights)
        assert torch.allclose(ours, mixed, atol=1e-5)


def test_one_shared_slot_is_the_papers_nearest():
    memory = filled(replace(SMALL, shared=1))
    spatial = torch.randn(4, SMALL.spatial)
    nearest = memory.values[(memory.ask(spatial) @ memory.keys.T).argmax(1)]
    assert torch.allclose(memory.retrieve(spatial), nearest)


def separable(people, count, seed):
    """Spatial features (N, S), values (N, D) and persons (N,): what tells them apart is small beside what does not."""
    random = torch.Generator().manual_seed(7)
    faces, values = torch.randn(people, 16, generator=random), torch.randn(people, 5, generator=random)
    who = torch.arange(people).repeat_interleave(count)
    noise = torch.randn(len(who), 16, generator=torch.Generator().manual_seed(seed))
    return torch.cat([faces[who], noise * 2], 1), values[who], who


def taught(steps, seed=0):
    spatial, values, _ = separable(6, 60, seed=1)
    config = MemoryConfig(432, spatial=32, value=5, key=16)
    trainer = MemoryTrainer(bundled_spatial(), config, seed, torch.device("cpu"))
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.randint(len(spatial), (1,), generator=random)
        trainer.learn(spatial[chosen], values[chosen])
    return trainer.recall.memory


def right(memory):
    spatial, values, _ = separable(6, 20, seed=2)
    return float(torch.nn.functional.cosine_similarity(memory.retrieve(spatial), values).gt(0.95).float().mean())


def test_training_teaches_the_query_what_tells_people_apart():
    assert right(taught(40)) < 0.8
    assert right(taught(600)) > 0.95


def test_the_same_seed_gives_the_same_memory():
    once, again, other = taught(10), taught(10), taught(10, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(once.state_dict().values(), again.state_dict().values()))
    assert not torch.equal(once.keys, other.keys)


def drawn_heads(count):
    """Renders (T, 4, 96, 96) of a patterned disc that wanders across the picture and over its edge."""
    rows, columns = np.indices((96, 96)) + 0.5
    heads = np.zeros((count, 4, 96, 96), np.float32)
    for head, x in zip(heads, np.linspace(36, 60, count)):
        u, v = (columns - x) / 20, (rows - 48) / 20
        head[:3] = 0.5 + 0.3 * np.stack([np.sin(3 * u), np.cos(3 * v), np.sin(2 * u + v)])
        head[3] = np.clip((1 - np.hypot(u, v)) * 20, 0, 1)
    return torch.from_numpy(heads)


def test_every_face_is_seen_at_one_size_and_place():
    heads = drawn_heads(2)
    small = torch.nn.functional.interpolate(heads, scale_factor=0.5, mode="area")
    small = torch.nn.functional.pad(small, (40, 8, 30, 18))
    windows = face_windows(heads)
    assert windows.shape == (2, 3, 224, 224)
    assert (windows[0] - windows[1]).abs().mean() < 0.01
    assert (windows - face_windows(small)).abs().mean() < 0.02


def test_what_lies_around_the_face_does_not_matter():
    heads = drawn_heads(1)
    other = heads.clone()
    other[:, :3] = torch.where(heads[:, 3:] > 0, heads[:, :3], torch.rand(1, 3, 96, 96))
    network = bundled_spatial()
    assert torch.equal(network(heads), network(other)) and network(heads).shape == (1, 480)


def test_between_two_people_answers_move_smoothly_where_the_nearest_one_jumps():
    torch.manual_seed(0)
    memory, ends = Memory(replace(SMALL, spatial=32, key=16)), torch.randn(2, 32)
    memory.update(memory.ask(ends).detach(), torch.tensor([[1.0] * 5, [-1.0] * 5]), torch.Generator())
    nearest = Memory(replace(memory.config, shared=1))
    nearest.load_state_dict(memory.state_dict())
    path = torch.lerp(ends[:1], ends[1:], torch.linspace(0, 1, 300)[:, None])
    mixed, jumping = (each.retrieve(path)[:, 0] for each in (memory, nearest))
    assert torch.allclose(mixed[[0, -1]], torch.tensor([1.0, -1.0]), atol=0.01)
    assert jumping.diff().abs().max() == 2 and mixed.diff().abs().max() < 0.25


def test_a_step_remembers_its_frames():
    trainer = MemoryTrainer(bundled_spatial(), MemoryConfig(32, value=5), 0, torch.device("cpu"))
    trainer.step(drawn_heads(2), torch.randn(2, 5))
    assert (trainer.recall.memory.ages == 0).sum() == 2


def test_no_memory_is_taught_where_all_features_are_the_same():
    features = np.tile(np.arange(5, dtype=np.float32), (10, 1))
    assert memory_for(features, None, 0, torch.device("cpu")) is None
    features[3, 2] += 1
    assert memory_for(features, None, 0, torch.device("cpu")).recall.memory.config.slots == slots_for(10)


def test_slots_are_a_fifth_more_than_frames():
    assert [slots_for(frames) for frames in (1, 100, 300, 819)] == [32, 120, 360, 983]


def test_the_bundled_trunk_is_kept_by_name_and_another_one_is_refused():
    network = bundled_spatial()
    assert kept_tensors(network) == {} and restored(network.config, {}).config == network.config
    with pytest.raises(ValueError, match="another one"):
        restored(replace(network.config, digest="0" * 16), {})


def test_a_recall_comes_back_as_it_was():
    recall = MemoryRetrieval(bundled_spatial(), Memory(MemoryConfig(10, value=5)))
    recall.memory.update(recall.memory.ask(torch.randn(4, 480)), torch.randn(4, 5), torch.Generator())
    again = MemoryRetrieval.restored(recall.settings(), recall.tensors())
    heads = drawn_heads(3)
    assert torch.equal(again.retrieve(heads), recall.retrieve(heads))


def test_a_missing_bundled_trunk_is_told_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("headroom.refine.spatial.REGRESSOR_WEIGHTS", tmp_path / REGRESSOR_WEIGHTS.name)
    with pytest.raises(InputError, match="install Headroom again"):
        bundled_spatial()


def test_the_papers_network_sees_224_pixels_and_says_512_numbers():
    assert SpatialConfig().resolution == 224 and SpatialConfig().features == 512
