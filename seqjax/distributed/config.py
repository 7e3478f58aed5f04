"""How the devices are arranged, and which axis of an array is spread over which of them."""

from dataclasses import dataclass

from seqjax.errors import UserError, did_you_mean

AXES = ("data", "fsdp", "tensor", "sequence")

# One entry a logical axis that is spread; every other axis is whole on each device. A mesh axis
# of size 1 spreads nothing, so the same rules serve one device and a pod.
DEFAULT_RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("batch", ("data", "fsdp")),
    ("time", ("sequence",)),
    ("embed", ("fsdp",)),
    ("recurrent", ("fsdp",)),
    ("heads", ("tensor",)),
    ("feed_forward", ("tensor",)),
    ("inner", ("tensor",)),
    ("vocabulary", ("tensor",)),
)


@dataclass(frozen=True)
class MeshConfig:
    """Sizes of the mesh axes; -1, at most once, is the rest of the devices."""

    data: int = -1  # examples of a batch
    fsdp: int = 1  # examples of a batch, parameters and optimizer state as well
    tensor: int = 1  # heads, feed-forward, vocabulary, and the inside of linear recurrences
    sequence: int = 1  # time steps
    rules: tuple[tuple[str, tuple[str, ...]], ...] = DEFAULT_RULES
    cpu_devices: int = 0  # devices that a CPU is divided into; 0: one a core where that is faster

    def __post_init__(self) -> None:
        if self.cpu_devices < 0:
            raise UserError(f"mesh.cpu_devices={self.cpu_devices} must be at least 1, or 0.")
        for name, axes in self.rules:
            if len(set(axes)) < len(axes):
                raise UserError(f"mesh.rules lays {name!r} out twice along one axis: {axes}.")
            for axis in axes:
                if axis not in AXES:
                    raise UserError(
                        f"mesh.rules lays {name!r} out along {axis!r}, which is not an axis of the "
                        f"mesh: {did_you_mean(axis, AXES)}"
                    )
        if "batch" not in dict(self.rules):
            raise UserError("mesh.rules does not say along which axes 'batch' is laid out.")
        if len(self.time) > 1:
            raise UserError(
                f"mesh.rules lays 'time' out along {'×'.join(self.time)}: take one axis, or none."
            )

    @property
    def time(self) -> tuple[str, ...]:
        """The mesh axis along which time steps are laid out, if any."""
        return dict(self.rules).get("time", ())
