"""The structs of `gymapi`: attributes are those of the original, floats are C floats."""

from __future__ import annotations

import copy
import enum
from typing import Any, Optional

import numpy as np

DOF_PROPERTIES = np.dtype(
    [
        ("hasLimits", "?"),
        ("lower", "<f4"),
        ("upper", "<f4"),
        ("driveMode", "<i4"),
        ("velocity", "<f4"),
        ("effort", "<f4"),
        ("stiffness", "<f4"),
        ("damping", "<f4"),
        ("friction", "<f4"),
        ("armature", "<f4"),
    ]
)


class ContractError(RuntimeError):
    """A rule of Isaac Gym was broken."""


class DofDriveMode(enum.IntEnum):
    DOF_MODE_NONE = 0
    DOF_MODE_POS = 1
    DOF_MODE_VEL = 2
    DOF_MODE_EFFORT = 3


class SimType(enum.IntEnum):
    SIM_PHYSX = 0
    SIM_FLEX = 1


class UpAxis(enum.IntEnum):
    UP_AXIS_Y = 0
    UP_AXIS_Z = 1


class ContactCollection(enum.IntEnum):
    CC_NEVER = 0
    CC_LAST_SUBSTEP = 1
    CC_ALL_SUBSTEPS = 2


class ImageType(enum.IntEnum):
    IMAGE_COLOR = 0
    IMAGE_DEPTH = 1


class CoordinateSpace(enum.IntEnum):
    ENV_SPACE = 0
    LOCAL_SPACE = 1
    GLOBAL_SPACE = 2


class Record:
    """A struct: unknown attributes are errors, floats are rounded to single precision."""

    def __init__(self) -> None:
        for kind in type(self).__mro__:
            for name, value in vars(kind).items():
                if not name.startswith("_") and not callable(value):
                    setattr(self, name, copy.deepcopy(value))

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        object.__setattr__(self, name, float(np.float32(value)) if isinstance(value, float) else value)


class Vec3(Record):
    x = 0.0
    y = 0.0
    z = 0.0

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> None:
        self.x, self.y, self.z = float(x), float(y), float(z)

    def __mul__(self, factor: float) -> Vec3:
        return Vec3(self.x * factor, self.y * factor, self.z * factor)

    def array(self) -> np.ndarray:
        """Not of the original."""
        return np.array([self.x, self.y, self.z])


class Quat(Record):
    x = 0.0
    y = 0.0
    z = 0.0
    w = 1.0


class Transform(Record):
    p = Vec3()
    r = Quat()


class Mat33(Record):
    x = Vec3()
    y = Vec3()
    z = Vec3()

    def array(self) -> np.ndarray:
        """Not of the original."""
        return np.stack([self.x.array(), self.y.array(), self.z.array()])


class PhysXParams(Record):
    bounce_threshold_velocity = 0.2
    contact_collection = ContactCollection.CC_ALL_SUBSTEPS
    contact_offset = 0.02
    default_buffer_size_multiplier = 2.0
    max_depenetration_velocity = 100.0
    max_gpu_contact_pairs = 2**20
    num_position_iterations = 4
    num_velocity_iterations = 1
    rest_offset = 0.0
    solver_type = 1
    use_gpu = False


class SimParams(Record):
    dt = 1.0 / 60.0
    gravity = Vec3(0.0, -9.8, 0.0)
    physx = PhysXParams()
    substeps = 2
    up_axis = UpAxis.UP_AXIS_Y
    use_gpu_pipeline = False


class PlaneParams(Record):
    distance = 0.0
    dynamic_friction = 1.0
    normal = Vec3(0.0, 1.0, 0.0)
    restitution = 0.0
    static_friction = 1.0


class TriangleMeshParams(Record):
    dynamic_friction = 1.0
    nb_triangles = 0
    nb_vertices = 0
    restitution = 0.0
    static_friction = 1.0
    transform = Transform()


class ForceSensorProperties(Record):
    enable_constraint_solver_forces = True
    enable_forward_dynamics_forces = True
    use_world_frame = False


class AssetOptions(Record):
    angular_damping = 0.5
    armature = 0.0
    collapse_fixed_joints = False
    default_dof_drive_mode = 0
    density = 1000.0
    disable_gravity = False
    fix_base_link = False
    flip_visual_attachments = False
    linear_damping = 0.0
    max_angular_velocity = 64.0
    max_linear_velocity = 1000.0
    replace_cylinder_with_capsule = False
    thickness = 0.02
    use_physx_armature = True


class RigidBodyProperties(Record):
    com = Vec3()
    inertia = Mat33()
    invInertia = Mat33()
    invMass = 1.0
    mass = 1.0


class RigidShapeProperties(Record):
    filter = 0
    friction = 1.0
    restitution = 0.0


class IndexRange(Record):
    count = 0
    start = 0


class KeyboardInput(enum.Enum):
    KEY_V = 86


class ActionEvent:
    def __init__(self, action: str, value: float) -> None:
        self.action = action
        self.value = value


class CameraProperties(Record):
    height = 900
    horizontal_fov = 90.0
    width = 1600


class Tensor:
    """Describes a buffer. `torch` is set by gymtorch; a plain reference keeps nothing alive."""

    def __init__(self, array: Optional[np.ndarray] = None, reference: Any = None) -> None:
        self.array = array
        """The buffer that Isaac Gym owns, for tensors that it gives out."""
        self.torch: Any = None
        self.reference = reference
        """Weak reference to a torch tensor, for tensors that it is given."""
        self.gpu: Optional[int] = None
