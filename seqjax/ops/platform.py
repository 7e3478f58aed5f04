"""Which kind of hardware a function is being traced for."""

import jax


def target_platform() -> str:
    """Returns `cpu`, `gpu` or `tpu`: that of the mesh in context, or else JAX's default.

    The two differ where a program is compiled for a machine that is not there.
    """
    device = jax.sharding.get_abstract_mesh().abstract_device
    return jax.default_backend() if device is None else device.platform
