"""Reading the user's own copy of the Basel Face Model, in the layouts it is handed out in.

2009 as Deep3D uses it: scans in `01_MorphableModel.mat` (micrometres, colours 0..255), expressions of Guo et al. in
`Exp_Pca.bin` and `std_exp.txt`, cut to the face by two lists of 1-based indices; or the ready-made
`BFM_model_front.mat` (decimetres). 2017 and 2019 are one `.h5` each (millimetres, colours 0..1). All of them have our
axes: +x towards the subject's left ear, +y up, +z out of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headroom.common.errors import InputError
from headroom.face.topology import face_outwards

IDENTITIES, EXPRESSIONS = 80, 64
"""Modes that are used, as the paper's layout has them; the files hold more."""

READY = "bfm_model_front.mat"
PARTS = ("01_MorphableModel.mat", "Exp_Pca.bin", "std_exp.txt", "BFM_exp_idx.mat", "BFM_front_idx.mat",
         "facemodel_info.mat")
"""Files of the 2009 model in Deep3D's layout; all of them are needed."""

_MM_PER_MICROMETRE, _MM_PER_DECIMETRE = 1e-3, 100.0


@dataclass(frozen=True)
class LinearFace:
    """What the files hold, in our units: millimetres, display values 0..1, modes one standard deviation long.

    mean, albedo_mean (V, 3); identity_basis, expression_basis, albedo_basis (V, 3, modes);
    faces (F, 3) counter-clockwise from outside.
    """

    source: str
    mean: np.ndarray
    identity_basis: np.ndarray
    expression_basis: np.ndarray
    albedo_mean: np.ndarray
    albedo_basis: np.ndarray
    faces: np.ndarray


def read_basel(paths: Sequence[Path]) -> LinearFace:
    """The face model in the files of one release; a folder stands for the files in it."""
    files = _by_name(paths)
    books = [path for name, path in files.items() if path.suffix.lower() == ".h5"]
    if len(books) > 1:
        raise InputError(f"There are several models: {', '.join(p.name for p in books)}; name the one to import.")
    if books:
        read = _read_h5(books[0])
    elif READY in files:
        read = _read_ready(files[READY])
    else:
        read = _read_deep3d(_require_parts(files))
    return _checked(read)


def _by_name(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by their names in small letters."""
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path} does not exist; check its name.")
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    return {path.name.lower(): path for path in files}


def _require_parts(files: dict[str, Path]) -> dict[str, Path]:
    found = {name: files[name.lower()] for name in PARTS if name.lower() in files}
    if not found:
        raise InputError("No Basel Face Model was found; give the folder of the 2009 model in Deep3D's layout, or the "
                         ".h5 of 2017 or 2019.")
    missing = [name for name in PARTS if name not in found]
    if missing:
        raise InputError(f"{', '.join(missing)} is missing; put it beside the others. The 2009 model needs "
                         f"{', '.join(PARTS)}.")
    return found


def _read_h5(path: Path) -> LinearFace:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            shape, identity = _h5_group(file, "shape", IDENTITIES)
            colour, albedo = _h5_group(file, "color", IDENTITIES)
            offset, expression = _h5_group(file, "expression", EXPRESSIONS)
            cells = np.asarray(file["shape/representer/cells"])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path.name} is not a Basel Face Model of 2017 or 2019; download it again.") from error
    faces = cells.T if cells.shape[0] == 3 else cells
    year = next((year for year in ("2017", "2019") if year in path.name), "")
    # no expression coefficients stand for the mean of both parts
    return LinearFace(f"Basel Face Model {year}".strip(), shape + offset, identity, expression, colour, albedo, faces)


def _h5_group(file, name: str, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (V, 3) and basis (V, 3, modes), one standard deviation long, of one part of the model."""
    model = file[f"{name}/model"]
    mean, basis = np.asarray(model["mean"]), np.asarray(model["pcaBasis"][:, :modes])
    return mean.reshape(-1, 3), _modes(basis, np.sqrt(np.asarray(model["pcaVariance"]).ravel()), modes)


def _read_ready(path: Path) -> LinearFace:
    data = _read_mat(path, "meanshape", "meantex", "idBase", "exBase", "texBase", "tri")
    one = np.ones(IDENTITIES)
    return LinearFace(
        "Basel Face Model 2009",
        data["meanshape"].reshape(-1, 3) * _MM_PER_DECIMETRE,
        _modes(data["idBase"], one, IDENTITIES) * _MM_PER_DECIMETRE,
        _modes(data["exBase"], one, EXPRESSIONS) * _MM_PER_DECIMETRE,
        data["meantex"].reshape(-1, 3) / 255,
        _modes(data["texBase"], one, IDENTITIES) / 255,
        data["tri"].astype(np.int64) - 1,
    )


def _read_deep3d(files: dict[str, Path]) -> LinearFace:
    scans = _read_mat(files["01_MorphableModel.mat"], "shapeMU", "shapePC", "shapeEV", "texMU", "texPC", "texEV")
    basis = _read_expressions(files["Exp_Pca.bin"])
    deviations = _read_deviations(files["std_exp.txt"])
    # of the expression model's vertices, those of the face; then the scans' vertices that they are
    front = _read_mat(files["BFM_front_idx.mat"], "idx")["idx"].ravel().astype(np.int64) - 1
    trim = _read_mat(files["BFM_exp_idx.mat"], "trimIndex")["trimIndex"].ravel().astype(np.int64) - 1
    faces = _read_mat(files["facemodel_info.mat"], "tri")["tri"].astype(np.int64) - 1
    try:
        own = trim[front]
        return LinearFace(
            "Basel Face Model 2009",
            scans["shapeMU"].reshape(-1, 3)[own] * _MM_PER_MICROMETRE,
            _modes(scans["shapePC"], scans["shapeEV"], IDENTITIES)[own] * _MM_PER_MICROMETRE,
            _modes(basis, deviations, EXPRESSIONS)[front] * _MM_PER_MICROMETRE,
            scans["texMU"].reshape(-1, 3)[own] / 255,
            _modes(scans["texPC"], scans["texEV"], IDENTITIES)[own] / 255,
            faces,
        )
    except (IndexError, ValueError) as error:
        raise InputError("The files do not belong together; take all of them from one download.") from error


def _read_expressions(path: Path) -> np.ndarray:
    """Modes (3 V, E): an int32 E, a float32 mean that is not used, as Deep3D does not, and E rows of 3 V."""
    content = path.read_bytes()
    count = int(np.frombuffer(content[:4], "<i4")[0]) if len(content) >= 4 else 0
    length, rest = divmod(len(content) - 4, 4 * (count + 1)) if count > 0 else (0, 1)
    if rest or length % 3:
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
    """(V, 3, at most `count`) of (3 V, modes) unit modes and their standard deviations."""
    count = min(count, basis.shape[1])
    return (basis[:, :count] * np.ravel(deviations)[:count]).reshape(-1, 3, count)


def _checked(face: LinearFace) -> LinearFace:
    """The model in single precision, its triangles turned face_outwards, once it is plain that its parts fit."""
    arrays = (face.mean, face.identity_basis, face.expression_basis, face.albedo_mean, face.albedo_basis)
    fits = len({len(array) for array in arrays}) == 1 and face.faces.min() >= 0 and face.faces.max() < len(face.mean)
    if not fits:
        raise InputError("The files do not belong together; take all of them from one download.")
    mean, identity, expression, albedo_mean, albedo = (np.ascontiguousarray(a, np.float32) for a in arrays)
    faces = np.ascontiguousarray(face.faces, np.int32)
    return replace(face, mean=mean, identity_basis=identity, expression_basis=expression, albedo_mean=albedo_mean,
                   albedo_basis=albedo, faces=face_outwards(faces, mean))
