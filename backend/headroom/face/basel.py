"""Reader of the user's copy of the Basel Face Model, in its published layouts.

The 2009 model, as Deep3D uses it, has shape and texture in `01_MorphableModel.mat` (micrometres, colours 0..255) and
the expressions of Guo et al. in `Exp_Pca.bin` and `std_exp.txt`; two lists of 1-based indices select the face.
Deep3D's prepared `BFM_model_front.mat` (decimetres) has the same in one file. The models of 2017 and 2019 are one `.h5`
each (millimetres, colours 0..1). All of them have Headroom's model axes: +x towards the subject's left ear, +y up, +z
out of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.face.mesh import face_outwards

IDENTITY_MODES, EXPRESSION_MODES = 80, 64
"""Numbers of modes in the paper's layout; the files hold more."""

FRONT_FILE = "bfm_model_front.mat"
"""Deep3D's prepared file of the 2009 model, in lower case."""
DEEP3D_FILES = ("01_MorphableModel.mat", "Exp_Pca.bin", "std_exp.txt", "BFM_exp_idx.mat", "BFM_front_idx.mat",
                "facemodel_info.mat")
"""Files of the 2009 model in Deep3D's layout; all of them are required."""

_MM_PER_MICROMETRE, _MM_PER_DECIMETRE = 1e-3, 100.0


@dataclass(frozen=True)
class LinearFace:
    """A linear face as its files have it: no landmarks, no texture coordinates, holes at eyes and mouth.

    mean: (V, 3) mm. identity_basis, expression_basis: (V, 3, modes) mm, one standard deviation long.
    albedo_mean: (V, 3), albedo_basis: (V, 3, modes), display values 0..1.
    faces: (F, 3) counter-clockwise from outside.
    """

    source: str
    mean: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray
    albedo_mean: np.ndarray
    albedo_basis: np.ndarray
    faces: np.ndarray


def read_basel(paths: Sequence[Path]) -> LinearFace:
    """Read the face model in the files of one release.

    paths: files, or folders whose files are used.

    Raises InputError when no model, or more than one, is among them, or a file is missing or damaged.
    """
    files = _by_name(paths)
    releases = [path for path in files.values() if path.suffix.lower() == ".h5"]
    if len(releases) > 1:
        raise InputError(f"There are several models: {', '.join(p.name for p in releases)}; name the one to import.")
    if releases:
        face = _read_h5(releases[0])
    elif FRONT_FILE in files:
        face = _read_front_file(files[FRONT_FILE])
    else:
        face = _read_deep3d(_require_deep3d_files(files))
    return _checked(face)


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the files by their names in lower case."""
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist; check its name.")
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    return {path.name.lower(): path for path in files}


def _require_deep3d_files(files: dict[str, Path]) -> dict[str, Path]:
    present = {name: files[name.lower()] for name in DEEP3D_FILES if name.lower() in files}
    if not present:
        raise InputError("No Basel Face Model was found; give the folder of the 2009 model in Deep3D's layout, or the "
                         ".h5 of 2017 or 2019.")
    missing = [name for name in DEEP3D_FILES if name not in present]
    if missing:
        raise InputError(f"{', '.join(missing)} is missing; put it beside the others. The 2009 model needs "
                         f"{', '.join(DEEP3D_FILES)}.")
    return present


def _read_h5(path: Path) -> LinearFace:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            shape, identity = _h5_group(file, "shape", IDENTITY_MODES)
            colour, albedo = _h5_group(file, "color", IDENTITY_MODES)
            offset, expression = _h5_group(file, "expression", EXPRESSION_MODES)
            cells = np.asarray(file["shape/representer/cells"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path.name} is not a Basel Face Model of 2017 or 2019; download it again.") from error
    faces = cells.T if cells.shape[0] == 3 else cells
    year = next((year for year in ("2017", "2019") if year in path.name), "")
    # zero coefficients give the sum of the mean shape and the mean expression
    return LinearFace(f"Basel Face Model {year}".strip(), shape + offset, identity, expression, colour, albedo, faces)


def _h5_group(file, name: str, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (V, 3) and the basis (V, 3, modes), one standard deviation long, of one group of the file."""
    model = file[f"{name}/model"]
    mean, basis = np.asarray(model["mean"]), np.asarray(model["pcaBasis"][:, :modes])
    return mean.reshape(-1, 3), _modes(basis, np.sqrt(np.asarray(model["pcaVariance"]).ravel()), modes)


def _read_front_file(path: Path) -> LinearFace:
    data = _read_mat(path, "meanshape", "meantex", "idBase", "exBase", "texBase", "tri")
    one = np.ones(IDENTITY_MODES)
    return LinearFace(
        "Basel Face Model 2009",
        data["meanshape"].reshape(-1, 3) * _MM_PER_DECIMETRE,
        _modes(data["idBase"], one, IDENTITY_MODES) * _MM_PER_DECIMETRE,
        _modes(data["exBase"], one, EXPRESSION_MODES) * _MM_PER_DECIMETRE,
        data["meantex"].reshape(-1, 3) / 255,
        _modes(data["texBase"], one, IDENTITY_MODES) / 255,
        data["tri"].astype(np.int64) - 1,
    )


def _read_deep3d(files: dict[str, Path]) -> LinearFace:
    scans = _read_mat(files["01_MorphableModel.mat"], "shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV")
    basis = _read_expressions(files["Exp_Pca.bin"])
    deviations = _read_deviations(files["std_exp.txt"])
    # `front` selects the face among the expression model's vertices, `trim` gives these vertices' numbers in the scans
    front = _read_mat(files["BFM_front_idx.mat"], "idx")["idx"].ravel().astype(np.int64) - 1
    trim = _read_mat(files["BFM_exp_idx.mat"], "trimIndex")["trimIndex"].ravel().astype(np.int64) - 1
    faces = _read_mat(files["facemodel_info.mat"], "tri")["tri"].astype(np.int64) - 1
    try:
        scan_vertices = trim[front]
        return LinearFace(
            "Basel Face Model 2009",
            scans["shapeMU"].reshape(-1, 3)[scan_vertices] * _MM_PER_MICROMETRE,
            _modes(scans["shapePC"], scans["shapeEV"], IDENTITY_MODES)[scan_vertices] * _MM_PER_MICROMETRE,
            _modes(basis, deviations, EXPRESSION_MODES)[front] * _MM_PER_MICROMETRE,
            scans["texMU"].reshape(-1, 3)[scan_vertices] / 255,
            _modes(scans["texPC"], scans["texEV"], IDENTITY_MODES)[scan_vertices] / 255,
            faces,
        )
    except (IndexError, ValueError) as error:
        raise InputError("The files do not belong together; take all of them from one download.") from error


def _read_expressions(path: Path) -> np.ndarray:
    """Return the modes (3 V, E).

    The file holds E as int32, a mean of 3 V float32, which Deep3D does not use, and E rows of 3 V float32.
    """
    content = path.read_bytes()
    count = int(np.frombuffer(content[:4], "<i4")[0]) if len(content) >= 4 else 0
    length, remainder = divmod(len(content) - 4, 4 * (count + 1)) if count > 0 else (0, 1)
    if remainder or length % 3:
        raise InputError(f"{path.name} is incomplete; download it again.")
    return np.frombuffer(content, "<f4", offset=4 * (1 + length)).reshape(count, length).T


def _read_deviations(path: Path) -> np.ndarray:
    try:
        return np.loadtxt(path).ravel()
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} is not a list of numbers; download it again.") from error


def _read_mat(path: Path, *names: str) -> dict[str, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        data = loadmat(path, variable_names=names)
    except (OSError, ValueError, TypeError, IndexError, NotImplementedError, MatReadError) as error:
        raise InputError(f"{path.name} cannot be read as a MATLAB file; download it again.") from error
    missing = [name for name in names if name not in data]
    if missing:
        raise InputError(f"{path.name} lacks {', '.join(missing)}; download it again.")
    return data


def _modes(basis: np.ndarray, deviations: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` modes (V, 3, count) from unit modes (3 V, modes) and their standard deviations."""
    count = min(count, basis.shape[1])
    return (basis[:, :count] * np.ravel(deviations)[:count]).reshape(-1, 3, count)


def _checked(face: LinearFace) -> LinearFace:
    """Return the model in single precision with outward triangles; InputError when its arrays do not fit together."""
    arrays = (face.mean, face.identity_basis, face.expression_basis, face.albedo_mean, face.albedo_basis)
    fits = len({len(array) for array in arrays}) == 1 and face.faces.min() >= 0 and face.faces.max() < len(face.mean)
    if not fits:
        raise InputError("The files do not belong together; take all of them from one download.")
    mean, identity, expression, albedo_mean, albedo = (np.ascontiguousarray(a, np.float32) for a in arrays)
    faces = np.ascontiguousarray(face.faces, np.int32)
    return replace(face, mean=mean, identity_basis=identity, expression_basis=expression, albedo_mean=albedo_mean,
                   albedo_basis=albedo, faces=face_outwards(faces, mean))
