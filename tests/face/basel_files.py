"""Small files in the layouts of the Basel Face Model, and their values by naive loops."""

from dataclasses import dataclass

import h5py
import numpy as np
from scipy.io import savemat


@dataclass
class Expected:
    """mean, albedo_mean (V, 3); bases (V, 3, modes): millimetres and 0..1, one standard deviation long."""

    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    albedo_mean: np.ndarray
    albedo: np.ndarray
    faces: np.ndarray


def write_deep3d(folder, rng, scan=40, trimmed=34, front=25, modes=90, expressions=70):
    """Write the six files of 2009 in Deep3D's layout, and return their values."""
    folder.mkdir()
    scans = {
        "shapeMU": rng.normal(0, 5e4, (3 * scan, 1)), "shapePC": rng.normal(0, 1, (3 * scan, modes)),
        "shapeEV": rng.uniform(1e3, 1e4, (modes, 1)), "texMU": rng.uniform(50, 200, (3 * scan, 1)),
        "texPC": rng.normal(0, 1, (3 * scan, modes)), "texEV": rng.uniform(1, 9, (modes, 1)),
    }
    savemat(folder / "01_MorphableModel.mat", {k: v.astype(np.float32) for k, v in scans.items()})
    basis = rng.normal(0, 1e3, (expressions, 3 * trimmed)).astype("<f4")
    with open(folder / "Exp_Pca.bin", "wb") as file:
        file.write(np.array([expressions], "<i4").tobytes())
        file.write(rng.normal(0, 1, 3 * trimmed).astype("<f4").tobytes() + basis.tobytes())
    deviations = rng.uniform(0.5, 2, expressions)
    (folder / "std_exp.txt").write_text(" ".join(f"{value:.6f}" for value in deviations))
    trim = rng.permutation(scan)[:trimmed] + 1
    index = rng.permutation(trimmed)[:front] + 1
    faces = rng.permuted(np.tile(np.arange(front), (12, 1)), axis=1)[:, :3]
    savemat(folder / "BFM_exp_idx.mat", {"trimIndex": trim[:, None].astype(np.uint16)})
    savemat(folder / "BFM_front_idx.mat", {"idx": index[:, None].astype(np.uint16)})
    savemat(folder / "facemodel_info.mat", {"tri": (faces + 1).astype(np.float64)})

    identities, used_expressions = min(modes, 80), min(expressions, 64)
    expected = Expected(np.zeros((front, 3)), np.zeros((front, 3, identities)),
                        np.zeros((front, 3, used_expressions)), np.zeros((front, 3)),
                        np.zeros((front, 3, identities)), faces)
    for vertex in range(front):
        expression_vertex = index[vertex] - 1
        scan_vertex = trim[expression_vertex] - 1
        for axis in range(3):
            row = 3 * scan_vertex + axis
            expected.mean[vertex, axis] = scans["shapeMU"][row, 0] / 1000
            expected.albedo_mean[vertex, axis] = scans["texMU"][row, 0] / 255
            for mode in range(identities):
                expected.identity[vertex, axis, mode] = scans["shapePC"][row, mode] * scans["shapeEV"][mode, 0] / 1000
                expected.albedo[vertex, axis, mode] = scans["texPC"][row, mode] * scans["texEV"][mode, 0] / 255
            for mode in range(used_expressions):
                value = basis[mode, 3 * expression_vertex + axis] * deviations[mode] / 1000
                expected.expression[vertex, axis, mode] = value
    return expected


def write_front_file(path, face):
    """Write BFM_model_front.mat of a known face: decimetres, 0..255, triangles counted from 1."""
    savemat(path, {
        "meanshape": face.mean.reshape(1, -1) / 100, "idBase": _flat(face.identity_basis) / 100,
        "exBase": _flat(face.expression_basis) / 100, "meantex": face.albedo_mean.reshape(1, -1) * 255,
        "texBase": _flat(face.albedo_basis) * 255, "tri": (face.faces + 1).astype(np.float64),
    })


def write_h5(path, rng, vertices=20, modes=90, expressions=70):
    """Write the .h5 file of 2017 and 2019, and return its values."""
    parts = {}
    faces = rng.permuted(np.tile(np.arange(vertices), (10, 1)), axis=1)[:, :3]
    with h5py.File(path, "w") as file:
        for name, count in (("shape", modes), ("color", modes), ("expression", expressions)):
            mean, basis = rng.normal(0, 0.5, 3 * vertices), rng.normal(0, 0.1, (3 * vertices, count))
            variance = rng.uniform(1, 100, count)
            parts[name] = mean, basis, variance
            for key, value in (("mean", mean), ("pcaBasis", basis), ("pcaVariance", variance)):
                file[f"{name}/model/{key}"] = value.astype(np.float32)
        file["shape/representer/cells"] = faces.T.astype(np.uint32)

    def basis_of(name, max_modes):
        _, basis, variance = parts[name]
        count = min(max_modes, basis.shape[1])
        out = np.zeros((vertices, 3, count))
        for row in range(3 * vertices):
            for mode in range(count):
                out[row // 3, row % 3, mode] = basis[row, mode] * variance[mode] ** 0.5
        return out

    mean = (parts["shape"][0] + parts["expression"][0]).reshape(vertices, 3)
    return Expected(mean, basis_of("shape", 80), basis_of("expression", 64), parts["color"][0].reshape(vertices, 3),
                    basis_of("color", 80), faces)


def _flat(basis):
    return basis.reshape(-1, basis.shape[2])
