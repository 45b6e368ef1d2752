"""Pictures in texture space."""

import numpy as np

from headroom.face.model import bundled_model
from headroom.face.texture import sample_texture, albedo_texture


def test_colours_are_read_where_they_were_drawn():
    model = bundled_model()
    colours = 0.5 + 0.4 * np.sin(model.mean / 30).astype(np.float32)
    assert np.abs(sample_texture(albedo_texture(model, colours, 512), model.uv) - colours).mean() < 0.01
