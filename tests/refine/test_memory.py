"""The memory: loss and update against naive loops, ages, retrieval, files, smoothness over time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from headroom.common.errors import InputError
from headroom.common.paths import REGRESSOR_WEIGHTS
from headroom.refine.memory import EMPTY, Memory, MemoryConfig, slots_for
from headroom.refine.memory_retrieval import MemoryRetrieval, MemoryTrainer, memory_trainer_for
from headroom.refine.spatial import SpatialConfig, bundled_spatial, face_squares, restored_spatial, stored_tensors

SMALL = MemoryConfig(slots=12, spatial_size=6, value_size=5, key_size=4, candidates=7, age_noise=0.0, neighbours=3)


def filled(config=SMALL, slots=None, seed=0):
    """Return a memory with random keys and values of three identities; slots from `slots` on are empty."""
    torch.manual_seed(seed)
    memory = Memory(config)
    memory.keys.copy_(normalize(torch.randn(memory.keys.shape), dim=1))
    memory.values.copy_(torch.randn(3, config.value_size)[torch.arange(config.slots) % 3])
    memory.ages.copy_(torch.randperm(config.slots).float())
    memory.keys[slots:], memory.values[slots:], memory.ages[slots:] = (0, 0, EMPTY) if slots else (
        memory.keys[slots:], memory.values[slots:], memory.ages[slots:])
    return memory


def cosine(a, b):
    """Return the cosine similarity of two vectors, 0 for a vector of zeros."""
    return float(a @ b / max(float(a.norm() * b.norm()), 1e-12))


def queries_for(memory, count, seed=1):
    """Return queries (B, K) and identities (B, D): known ones and, last, an unknown one."""
    torch.manual_seed(seed)
    identities = torch.cat([memory.values[torch.arange(count - 1) % 3], torch.randn(1, memory.config.value_size)])
    return normalize(torch.randn(count, memory.config.key_size), dim=1), identities


@pytest.mark.parametrize("slots", [None, 5])
def test_the_loss_matches_a_naive_loop(slots):
    memory = filled(slots=slots)
    queries, identities = queries_for(memory, 9)
    terms = []
    for query, identity in zip(queries, identities):
        used = [i for i in range(12) if memory.ages[i] != EMPTY]
        nearest = sorted(used, key=lambda i: -float(query @ memory.keys[i]))[: SMALL.candidates]
        is_same = {i: cosine(identity, memory.values[i]) > SMALL.same_cosine for i in nearest}
        same = [float(query @ memory.keys[i]) for i in nearest if is_same[i]]
        other = [float(query @ memory.keys[i]) for i in nearest if not is_same[i]]
        if same and other:
            terms.append(max(0.0, max(other) - min(same) + SMALL.margin))
    assert 0 < len(terms) < 9 and sum(terms) > 0
    assert memory.loss(queries, identities).item() == pytest.approx(sum(terms) / len(terms), abs=1e-6)


def test_an_excluded_key_does_not_count_even_where_all_cosines_are_negative():
    memory = filled(replace(SMALL, slots=3))
    memory.keys.copy_(-torch.eye(4)[:3] * torch.tensor([0.9, 0.5, 0.2])[:, None])
    query = torch.tensor([[0.5, 0.5, 0.5, 0.5]])
    assert memory.loss(query, memory.values[:1]).item() == pytest.approx(0.45 - 0.1 + SMALL.margin)


def test_a_query_whose_nearest_keys_are_all_of_other_identities_does_not_count():
    memory = filled()
    unknown = torch.randn(2, SMALL.value_size)
    loss = memory.loss(memory.queries(torch.randn(2, SMALL.spatial_size)), unknown)
    loss.backward()
    assert loss == 0 and all(parameter.grad is None or not parameter.grad.any() for parameter in memory.parameters())


def test_the_update_matches_a_naive_loop():
    memory = filled()
    queries, identities = queries_for(memory, 6)
    keys, values, ages = memory.keys.clone(), memory.values.clone(), memory.ages.clone()
    nearest = [int(torch.argmax(keys @ query)) for query in queries]
    known = [cosine(values[i], identity) > SMALL.same_cosine for i, identity in zip(nearest, identities)]
    assert any(known) and not all(known)
    ages += 1
    for i in {i for i, is_known in zip(nearest, known) if is_known}:
        matching = sum(query for query, j, is_known in zip(queries, nearest, known) if is_known and j == i)
        keys[i], ages[i] = normalize(keys[i] + matching, dim=0), 0
    oldest = sorted(range(12), key=lambda i: -float(ages[i]))
    for i, b in zip(oldest, [b for b in range(6) if not known[b]]):
        keys[i], values[i], ages[i] = queries[b], identities[b], 0
    memory.update(queries, identities, torch.Generator())
    assert torch.allclose(memory.keys, keys, atol=1e-6)
    assert torch.equal(memory.values, values) and torch.equal(memory.ages, ages)


def test_two_queries_that_match_one_slot_both_move_its_key():
    memory = filled()
    key = memory.keys[0].clone()
    queries = normalize(key + 0.1 * torch.randn(2, 4), dim=1)
    memory.update(queries, memory.values[[0, 0]], torch.Generator())
    assert torch.allclose(memory.keys[0], normalize(key + queries.sum(0), dim=0), atol=1e-6)


def test_empty_slots_are_filled_before_any_is_replaced():
    memory = filled(slots=8)
    before = memory.values[:8].clone()
    unknown = torch.randn(4, SMALL.value_size)
    memory.update(normalize(torch.randn(4, 4), dim=1), unknown, torch.Generator())
    assert torch.equal(memory.values[:8], before)
    assert {tuple(row) for row in memory.values[8:].tolist()} == {tuple(row) for row in unknown.tolist()}
    memory.update(normalize(torch.randn(1, 4), dim=1), torch.randn(1, SMALL.value_size), torch.Generator())
    assert (memory.values[:8] != before).any(1).sum() == 1


def test_age_noise_varies_which_of_the_oldest_slots_is_replaced_and_is_seeded():
    def replaced_slot(seed):
        memory = filled(replace(SMALL, age_noise=4.0))
        memory.ages.copy_(torch.arange(12.0))
        before = memory.values.clone()
        memory.update(normalize(torch.ones(1, 4), dim=1), torch.full((1, 5), 9.0), torch.Generator().manual_seed(seed))
        return int((memory.values != before).any(1).nonzero())

    slots = [replaced_slot(seed) for seed in range(30)]
    assert slots == [replaced_slot(seed) for seed in range(30)]
    assert len(set(slots)) > 1 and min(slots) >= 11 - 8


def test_more_new_identities_than_slots_fill_the_memory():
    memory = Memory(replace(SMALL, slots=3))
    memory.update(normalize(torch.randn(5, 4), dim=1), torch.randn(5, SMALL.value_size), torch.Generator())
    assert (memory.ages == 0).all()


def test_retrieval_matches_a_naive_loop():
    memory = filled(slots=9)
    spatial = torch.randn(4, SMALL.spatial_size)
    for query, ours in zip(memory.queries(spatial), memory.retrieve(spatial)):
        scores = sorted(((float(query @ memory.keys[i]), i) for i in range(9)), reverse=True)[: SMALL.neighbours]
        weights = [np.exp(SMALL.softmax_scale * score) for score, _ in scores]
        mean = sum(w * memory.values[i] for w, (_, i) in zip(weights, scores)) / sum(weights)
        assert torch.allclose(ours, mean, atol=1e-5)


def test_one_neighbour_is_the_papers_nearest_slot():
    memory = filled(replace(SMALL, neighbours=1))
    spatial = torch.randn(4, SMALL.spatial_size)
    nearest = memory.values[(memory.queries(spatial) @ memory.keys.T).argmax(1)]
    assert torch.allclose(memory.retrieve(spatial), nearest)


def separable(people, count, seed):
    """Return spatial features (N, S) and values (N, D) of some people, which differ less than their noise."""
    random = torch.Generator().manual_seed(7)
    faces, values = torch.randn(people, 16, generator=random), torch.randn(people, 5, generator=random)
    person = torch.arange(people).repeat_interleave(count)
    noise = torch.randn(len(person), 16, generator=torch.Generator().manual_seed(seed))
    return torch.cat([faces[person], noise * 2], 1), values[person]


def trained(steps, seed=0):
    """Return a memory of six people after some steps."""
    spatial, values = separable(6, 60, seed=1)
    config = MemoryConfig(432, spatial_size=32, value_size=5, key_size=16)
    trainer = MemoryTrainer(bundled_spatial(), config, seed, torch.device("cpu"))
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.randint(len(spatial), (1,), generator=random)
        trainer.step_features(spatial[chosen], values[chosen])
    return trainer.retrieval.memory


def correct_fraction(memory):
    """Return how often a memory retrieves the right person of unseen features."""
    spatial, values = separable(6, 20, seed=2)
    return float(torch.nn.functional.cosine_similarity(memory.retrieve(spatial), values).gt(0.95).float().mean())


def test_training_learns_queries_that_distinguish_people():
    assert correct_fraction(trained(40)) < 0.8
    assert correct_fraction(trained(600)) > 0.95


def test_the_same_seed_gives_the_same_memory():
    once, again, other = trained(10), trained(10), trained(10, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(once.state_dict().values(), again.state_dict().values()))
    assert not torch.equal(once.keys, other.keys)


def rendered_heads(count):
    """Return renders (T, 4, 96, 96) of a patterned disc that moves across the picture."""
    rows, columns = np.indices((96, 96)) + 0.5
    heads = np.zeros((count, 4, 96, 96), np.float32)
    for head, x in zip(heads, np.linspace(36, 60, count)):
        u, v = (columns - x) / 20, (rows - 48) / 20
        head[:3] = 0.5 + 0.3 * np.stack([np.sin(3 * u), np.cos(3 * v), np.sin(2 * u + v)])
        head[3] = np.clip((1 - np.hypot(u, v)) * 20, 0, 1)
    return torch.from_numpy(heads)


def test_faces_are_resampled_to_the_same_size_and_position():
    heads = rendered_heads(2)
    small = torch.nn.functional.interpolate(heads, scale_factor=0.5, mode="area")
    small = torch.nn.functional.pad(small, (40, 8, 30, 18))
    squares = face_squares(heads)
    assert squares.shape == (2, 3, 224, 224)
    assert (squares[0] - squares[1]).abs().mean() < 0.01
    assert (squares - face_squares(small)).abs().mean() < 0.02


def test_the_surroundings_of_the_face_do_not_change_its_features():
    heads = rendered_heads(1)
    other = heads.clone()
    other[:, :3] = torch.where(heads[:, 3:] > 0, heads[:, :3], torch.rand(1, 3, 96, 96))
    network = bundled_spatial()
    assert torch.equal(network(heads), network(other)) and network(heads).shape == (1, 480)


def test_between_two_people_retrieval_is_smooth_where_the_nearest_slot_jumps():
    torch.manual_seed(0)
    memory, ends = Memory(replace(SMALL, spatial_size=32, key_size=16)), torch.randn(2, 32)
    memory.update(memory.queries(ends).detach(), torch.tensor([[1.0] * 5, [-1.0] * 5]), torch.Generator())
    nearest = Memory(replace(memory.config, neighbours=1))
    nearest.load_state_dict(memory.state_dict())
    path = torch.lerp(ends[:1], ends[1:], torch.linspace(0, 1, 300)[:, None])
    smooth, jumping = (each.retrieve(path)[:, 0] for each in (memory, nearest))
    assert torch.allclose(smooth[[0, -1]], torch.tensor([1.0, -1.0]), atol=0.01)
    assert jumping.diff().abs().max() == 2 and smooth.diff().abs().max() < 0.25


def test_a_training_step_stores_its_frames():
    trainer = MemoryTrainer(bundled_spatial(), MemoryConfig(32, value_size=5), 0, torch.device("cpu"))
    trainer.step(rendered_heads(2), torch.randn(2, 5))
    assert (trainer.retrieval.memory.ages == 0).sum() == 2


def test_equal_identity_features_need_no_memory():
    features = np.tile(np.arange(5, dtype=np.float32), (10, 1))
    assert memory_trainer_for(features, None, 0, torch.device("cpu")) is None
    features[3, 2] += 1
    assert memory_trainer_for(features, None, 0, torch.device("cpu")).retrieval.memory.config.slots == slots_for(10)


def test_there_are_a_fifth_more_slots_than_frames_and_at_least_32():
    assert [slots_for(frames) for frames in (1, 100, 300, 819)] == [32, 120, 360, 983]


def test_files_store_the_digest_of_the_bundled_trunk_and_a_different_one_is_refused():
    network = bundled_spatial()
    assert stored_tensors(network) == {} and restored_spatial(network.config, {}).config == network.config
    with pytest.raises(ValueError, match="differs"):
        restored_spatial(replace(network.config, digest="0" * 16), {})


def test_a_restored_memory_retrieves_the_same():
    retrieval = MemoryRetrieval(bundled_spatial(), Memory(MemoryConfig(10, value_size=5)))
    queries = retrieval.memory.queries(torch.randn(4, 480))
    retrieval.memory.update(queries, torch.randn(4, 5), torch.Generator())
    again = MemoryRetrieval.restored(retrieval.settings(), retrieval.tensors())
    heads = rendered_heads(3)
    assert torch.equal(again.retrieve(heads), retrieval.retrieve(heads))


def test_a_missing_regressor_is_refused_in_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("headroom.refine.spatial.REGRESSOR_WEIGHTS", tmp_path / REGRESSOR_WEIGHTS.name)
    with pytest.raises(InputError, match="install Headroom again"):
        bundled_spatial()


def test_the_papers_network_returns_512_numbers_from_224_pixels():
    assert SpatialConfig().resolution == 224 and SpatialConfig().features == 512
