"""What a train step would cost on a TPU slice, found without one.

In the order of use: `topology` describes a slice to the TPU compiler, `step` compiles the train
step of a configuration for it, `program` reads the compiled text, `chips` holds what the makers
publish of a chip, `estimate` adds it all up, and `search` tries other shapes of the mesh.
"""
