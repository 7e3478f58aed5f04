import jax
import jax.numpy as jnp
import pytest
from jax import lax

from seqjax.benchmarking.compiled_program import CompiledProgram


def read(function, *shapes, unknown_trips=1):
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    text = jax.jit(function).lower(*arguments).compile().as_text()
    return CompiledProgram(text, unknown_trips)


def loop(length):
    return lambda x: lax.scan(lambda h, _: (jnp.sin(h), None), x, length=length)[0]


@pytest.mark.parametrize("length", [3, 50])
def test_a_loop_counts_as_often_as_it_runs(length):
    program = read(loop(length), (5,))
    assert (program.loop_steps, program.arithmetic_depth) == (length, length)
    assert length <= program.depth <= 3 * length + 3
    # Each step reads and writes the state.
    assert program.bytes >= length * 2 * 5 * 4
    assert program.unknown_loops == 0


def test_nested_loops_multiply_and_loops_side_by_side_do_not():
    def nested(x):
        return lax.scan(lambda h, _: (loop(7)(h), None), x, length=5)[0]

    assert read(nested, (3,)).loop_steps == 35
    beside = read(lambda x, y: (loop(7)(x), loop(5)(y)), (3,), (4,))
    assert beside.loop_steps == 7
    assert read(lambda x: loop(7)(loop(5)(x)), (3,)).loop_steps == 12


def test_a_loop_of_unknown_length_runs_as_often_as_said():
    def until(x):
        return lax.while_loop(lambda h: h.sum() < 3, jnp.sin, x)

    program = read(until, (5,), unknown_trips=11)
    assert program.unknown_loops == 1
    assert program.loop_steps == 11
    assert read(until, (5,)).loop_steps == 1


def test_a_prefix_is_shallow():
    program = read(lambda x: lax.associative_scan(jnp.multiply, x), (10_000, 3))
    assert program.loop_steps == 0
    # Up and down a tree of 14 levels; putting even and odd places together adds as well.
    assert 14 <= program.arithmetic_depth <= 5 * 14


def test_bytes_without_loops_are_those_that_xla_counts():
    def function(x, y):
        return jnp.sin(x) @ y, x.sum()

    shapes = [jax.ShapeDtypeStruct((64, 64), jnp.float32)] * 2
    compiled = jax.jit(function).lower(*shapes).compile()
    counted = CompiledProgram(compiled.as_text()).bytes
    assert counted == pytest.approx(compiled.cost_analysis()["bytes accessed"], rel=0.1)


def test_of_a_buffer_that_is_sliced_the_slice_counts():
    def outputs(x):
        return lax.scan(lambda h, x_t: (h + x_t, h), jnp.zeros(64), x)[1]

    steps, bytes_of_a_step = 1000, 64 * 4
    program = read(outputs, (steps, 64))
    # The state and the input are read, the state and the output written; copies come on top.
    assert 4 * steps * bytes_of_a_step < program.bytes < 10 * steps * bytes_of_a_step
