"""Textures: what is drawn into them and sampled from them."""

import numpy as np

from headroom.face.model import bundled_model
from headroom.face.texture import albedo_texture, sample_texture


def test_a_texture_sampled_at_a_vertex_has_the_vertexs_colour():
    model = bundled_model()
    colours = 0.5 + 0.4 * np.sin(model.mean / 30).astype(np.float32)
    assert np.abs(sample_texture(albedo_texture(model, colours, 512), model.uv) - colours).mean() < 0.01
