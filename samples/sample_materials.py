"""Materials of the sample, made of nodes and of noise in rest coordinates, so that textures do not move or flicker."""

import bpy
import numpy as np
from sample_person import Person


class Nodes:
    """A node tree with short methods for its nodes."""

    def __init__(self, name: str):
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.shader = self.tree.nodes["Principled BSDF"]

    def add(self, kind: str, inputs: dict | None = None, **settings):
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for key, value in settings.items():
            setattr(node, key, value)
        for key, value in (inputs or {}).items():
            self.put(node.inputs[key], value)
        return node

    def put(self, socket, value):
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def principled(self, **inputs):
        for key, value in inputs.items():
            self.put(self.shader.inputs[key.replace("_", " ")], value)
        return self.material

    def attribute(self, name: str, output: str = "Fac"):
        return self.add("Attribute", attribute_name=name).outputs[output]

    def noise(self, where, scale: float, detail: float = 2.0):
        return self.add("TexNoise", {"Vector": where, "Scale": scale, "Detail": detail}).outputs["Fac"]

    def remap(self, value, low: float, high: float, to_low: float = 0.0, to_high: float = 1.0):
        return self.add("MapRange", {0: value, 1: low, 2: high, 3: to_low, 4: to_high}).outputs[0]

    def mix(self, factor, a, b, blend: str = "MIX"):
        node = self.add("Mix", data_type="RGBA", blend_type=blend)
        for socket, value in ((node.inputs[0], factor), (node.inputs[6], a), (node.inputs[7], b)):
            self.put(socket, value)
        return node.outputs[2]

    def blob(self, where, centre, radius: float):
        """Return a value that is 1 at `centre` and falls smoothly to 0 at `radius`."""
        away = self.add("VectorMath", {0: where, 1: tuple(centre)}, operation="DISTANCE").outputs["Value"]
        return self.add("MapRange", {0: away, 1: radius, 2: 0.0}, interpolation_type="SMOOTHSTEP").outputs[0]

    def bump(self, height, strength: float, distance: float):
        return self.add("Bump", {"Strength": strength, "Distance": distance, "Height": height}).outputs[0]


def make_materials(person: Person) -> dict[str, bpy.types.Material]:
    """Return every material of the scene by name."""
    return {
        "skin": _skin(person),
        "eye": _eye(),
        "cloth": _cloth(),
        "hair": _hair(),
        "brow": _plain("brow", (0.04, 0.021, 0.013), 0.6),
        "lash": _lash(),
        "tooth": _plain("tooth", (0.93, 0.87, 0.77), 0.22, glow=0.05),
        "tongue": _plain("tongue", (0.42, 0.12, 0.11), 0.35),
        "room": _room(),
    }


def _skin(person: Person):
    n = Nodes("skin")
    rest = n.attribute("rest", "Vector")
    eye = person.joint("l-eye")
    tone = n.mix(n.remap(n.noise(rest, 5), 0.35, 0.65), (0.60, 0.34, 0.235, 1), (0.66, 0.39, 0.275, 1))
    tone = n.mix(n.remap(n.noise(rest, 38, 3), 0.3, 0.75, 0.0, 0.22), tone, (0.52, 0.255, 0.165, 1))
    for x in (-1, 1):
        cheek = n.blob(rest, (x * 0.46, eye[1] - 0.36, 1.15), 0.42)
        tone = n.mix(n.remap(cheek, 0, 1, 0, 0.38), tone, (0.60, 0.22, 0.16, 1))
        socket = n.blob(rest, (x * eye[0], eye[1] + 0.06, eye[2] + 0.12), 0.27)
        tone = n.mix(n.remap(socket, 0, 1, 0, 0.42), tone, (0.34, 0.15, 0.10, 1))
    nose = n.blob(rest, (0, eye[1] - 0.33, 1.5), 0.22)
    tone = n.mix(n.remap(nose, 0, 1, 0, 0.3), tone, (0.60, 0.23, 0.17, 1))
    freckles = n.add("TexVoronoi", {"Vector": rest, "Scale": 26.0}).outputs["Distance"]
    spots = n.remap(freckles, 0.1, 0.2, 1, 0)
    scarce = n.remap(n.noise(rest, 11), 0.5, 0.62)
    zone = n.blob(rest, (0, eye[1] - 0.28, 1.3), 0.75)
    amount = n.add("Math", {0: spots, 1: scarce}, operation="MULTIPLY").outputs[0]
    amount = n.add("Math", {0: amount, 1: zone}, operation="MULTIPLY").outputs[0]
    tone = n.mix(n.remap(amount, 0, 1, 0, 0.55), tone, (0.28, 0.11, 0.055, 1))
    for name, colour, strength in (
        ("lips", (0.46, 0.115, 0.105, 1), 0.85),
        ("inside-mouth", (0.16, 0.028, 0.03, 1), 1.0),
    ):
        image = bpy.data.images.load(str(person.data / f"mpfb2/textures/mpfb_{name}.jpg"))
        image.colorspace_settings.name = "Non-Color"
        mask = n.add("TexImage", {"Vector": n.add("UVMap", uv_map="uv").outputs[0]}, image=image).outputs["Color"]
        tone = n.mix(n.remap(mask, 0, 1, 0, strength), tone, colour)
    tone = n.mix(n.attribute("scalp"), tone, (0.035, 0.018, 0.011, 1))
    pores = n.bump(n.noise(rest, 95, 2), 0.12, 0.02)
    return n.principled(
        Base_Color=tone,
        Roughness=n.remap(n.noise(rest, 20), 0.3, 0.7, 0.42, 0.56),
        Normal=pores,
        Specular_IOR_Level=0.4,
    )


def _eye():
    n = Nodes("eye")
    polar = n.attribute("polar")
    where = n.add("TexCoord").outputs["Object"]
    fibres = n.noise(n.add("VectorMath", {0: where, 1: (1, 0.05, 1)}, operation="MULTIPLY").outputs[0], 55, 3)
    iris = n.mix(n.remap(fibres, 0.3, 0.7), (0.05, 0.022, 0.01, 1), (0.20, 0.10, 0.035, 1))
    iris = n.mix(n.remap(polar, 0.38, 0.47), iris, (0.012, 0.008, 0.006, 1))
    iris = n.mix(n.remap(polar, 0.19, 0.22), (0.002, 0.002, 0.002, 1), iris)
    white = n.mix(n.remap(polar, 0.5, 1.3), (0.72, 0.69, 0.66, 1), (0.52, 0.36, 0.33, 1))
    colour = n.mix(n.remap(polar, 0.46, 0.53), iris, white)
    return n.principled(Base_Color=colour, Roughness=0.12, Coat_Weight=1.0, Coat_Roughness=0.02)


def _cloth():
    n = Nodes("cloth")
    rest = n.attribute("rest", "Vector")
    u = n.add("SeparateXYZ", {"Vector": rest})
    angle = n.add("Math", {0: u.outputs[0], 1: 150.0}, operation="MULTIPLY").outputs[0]
    ribs = n.add("Math", {0: angle}, operation="SINE").outputs[0]
    colour = n.mix(n.remap(n.noise(rest, 30, 4), 0.3, 0.7), (0.028, 0.085, 0.095, 1), (0.05, 0.135, 0.145, 1))
    return n.principled(Base_Color=colour, Roughness=0.9, Sheen_Weight=0.3, Normal=n.bump(ribs, 0.35, 0.03))


def _hair():
    n = Nodes("hair")
    shade = n.attribute("shade")
    along = n.add("HairInfo").outputs["Intercept"]
    colour = n.mix(shade, (0.030, 0.014, 0.008, 1), (0.135, 0.062, 0.030, 1))
    colour = n.mix(n.remap(along, 0.3, 1.0, 0, 0.35), colour, (0.20, 0.10, 0.05, 1))
    return n.principled(Base_Color=colour, Roughness=0.38, Specular_IOR_Level=0.35)


def _lash():
    n = Nodes("lash")
    return n.principled(Base_Color=(0.012, 0.008, 0.007, 1), Roughness=0.7)


def _plain(name: str, colour: tuple, roughness: float, glow: float = 0.0):
    return Nodes(name).principled(
        Base_Color=(*colour, 1), Roughness=roughness, Emission_Color=(*colour, 1), Emission_Strength=glow
    )


def _room():
    """Return an out-of-focus room: a small image of soft rectangles and lamps."""
    size = 256
    y, x = np.mgrid[0:size, 0:size] / size
    picture = np.empty((size, size, 3))
    picture[:] = np.array([0.20, 0.21, 0.23]) + 0.10 * (y[..., None] - 0.5) * np.array([1.0, 0.9, 0.7])

    def soft_box(x0, x1, y0, y1, colour, blur):
        weight = (_between(x, x0, x1, blur) * _between(y, y0, y1, blur))[..., None]
        picture[:] = picture * (1 - weight) + weight * np.array(colour)

    soft_box(0.30, 0.43, 0.42, 0.80, (0.62, 0.66, 0.68), 0.010)
    soft_box(0.355, 0.365, 0.42, 0.80, (0.35, 0.37, 0.38), 0.004)
    soft_box(0.55, 0.75, 0.30, 0.58, (0.15, 0.12, 0.10), 0.010)
    soft_box(0.57, 0.64, 0.44, 0.53, (0.42, 0.25, 0.16), 0.008)
    soft_box(0.645, 0.69, 0.44, 0.54, (0.18, 0.27, 0.27), 0.008)
    soft_box(0.60, 0.66, 0.60, 0.66, (0.95, 0.72, 0.42), 0.012)
    rgba = np.concatenate([picture, np.ones((size, size, 1))], axis=2)
    image = bpy.data.images.new("room", size, size)
    image.pixels.foreach_set(rgba.astype(np.float32).ravel())
    image.pack()
    n = Nodes("room")
    colour = n.add("TexImage", image=image).outputs["Color"]
    return n.principled(Base_Color=(0, 0, 0, 1), Emission_Color=colour, Emission_Strength=0.75, Specular_IOR_Level=0.0)


def _between(values: np.ndarray, low: float, high: float, blur: float) -> np.ndarray:
    """Return 1 between low and high and 0 elsewhere, with soft edges."""
    return 1 / (1 + np.exp(-(values - low) / blur)) - 1 / (1 + np.exp(-(values - high) / blur))
