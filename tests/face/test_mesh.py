"""Connectivity of small triangle meshes, written out."""

import numpy as np

from headroom.face.mesh import boundary_edges, face_outwards, orient_triangles, vertex_adjacency

POINTS = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


def test_boundary_edges_run_with_their_triangles():
    assert {tuple(edge) for edge in boundary_edges(SQUARE).tolist()} == {(0, 1), (1, 2), (2, 3), (3, 0)}


def test_vertices_of_one_triangle_are_adjacent():
    expected = [[0, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 1], [1, 0, 1, 0]]
    assert np.array_equal(vertex_adjacency(SQUARE, 4).toarray(), expected)


def test_mixed_windings_become_counter_clockwise_from_outside():
    for flipped in ([0], [1], [0, 1]):
        mixed = SQUARE.copy()
        mixed[flipped] = mixed[flipped][:, [0, 2, 1]]
        a, b, c = (POINTS[orient_triangles(mixed, POINTS)[:, i]] for i in range(3))
        assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_triangles_that_face_outwards_do_not_change():
    assert np.array_equal(face_outwards(SQUARE, POINTS), SQUARE)
