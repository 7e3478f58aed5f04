import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from seqjax.planning import program


def compiled_text(function, *arguments):
    return jax.jit(function).lower(*arguments).compile().as_text()


def nested(x):
    """Three times five products in loops, and one outside."""

    def inner(h, _):
        return jnp.sin(h @ x), None

    def outer(h, _):
        return jax.lax.scan(inner, h, length=5)[0], None

    return jax.lax.scan(outer, x, length=3)[0] @ x


def products(text):
    return [
        (each.times, each.loops)
        for each in program.executed(text)
        if each.instruction.opcode == "dot" or "__onednn$matmul" in each.instruction.attributes
    ]


def test_an_instruction_in_loops_runs_as_often_as_their_trip_counts_multiply_to():
    assert sorted(products(compiled_text(nested, jnp.ones((64, 64))))) == [(1, 0), (15, 2)]


def test_loops_that_are_nested_multiply_and_others_add_up():
    def loops(x):
        def step(h, _):
            return jnp.sin(h @ x), None

        return nested(x) + jax.lax.scan(step, x, length=7)[0]

    assert program.sequential_steps(compiled_text(loops, jnp.ones((64, 64)))) == 15 + 7


def test_a_loop_on_data_counts_once():
    def halve(x):
        return jax.lax.while_loop(lambda h: h.sum() > 1, lambda h: jnp.sin(h @ h) / 64, x)

    assert set(products(compiled_text(halve, jnp.ones((64, 64))))) == {(1, 1)}


@pytest.mark.parametrize("loops", [0, 1])
def test_an_all_reduce_of_eight_devices_is_found_where_it_is(loops):
    mesh = jax.make_mesh((8,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    rows = NamedSharding(mesh, PartitionSpec("data"))
    whole = NamedSharding(mesh, PartitionSpec())

    def outside(x):
        return x.sum(0)

    def inside(x):
        def step(h, _):
            return jnp.tanh(h + (x * h[None]).sum(0)), None

        return jax.lax.scan(step, jnp.ones(x.shape[1:]), length=9)[0]

    step = jax.jit(inside if loops else outside, in_shardings=rows, out_shardings=whole)
    text = step.lower(jax.ShapeDtypeStruct((16, 32), np.float32)).compile().as_text()
    (found,) = program.collectives(text)
    sent = 2 * (8 - 1) / 8 * 32 * 4
    assert found == program.Collective("all-reduce", 9 if loops else 1, loops, 8, sent)


HLO = """\
HloModule jit_step, is_scheduled=true, num_partitions=8

%body (p: (s32[], f32[4,8])) -> (s32[], f32[4,8]) {
  %p = (s32[]{:T(128)}, f32[4,8]{1,0:T(8,128)S(1)}) parameter(0)
  %i = s32[]{:T(128)} get-tuple-element(%p), index=0
  %x = f32[4,8]{1,0:T(8,128)} get-tuple-element(%p), index=1
  %gathered = (f32[4,8]{1,0}, f32[8,8]{1,0}) all-gather-start(%x), replica_groups=[4,2]<=[8]
  %whole = f32[8,8]{1,0} all-gather-done(%gathered)
  %y = f32[4,8]{1,0} fusion(%x), kind=kLoop, calls=%fused, backend_config={"estimated_cycles":"50"}
  ROOT %t = (s32[], f32[4,8]) tuple(%i, %y)
}

%fused (q: f32[4,8]) -> f32[4,8] {
  %q = f32[4,8]{1,0} parameter(0)
  ROOT %sent = f32[4,8]{1,0} collective-permute(%q), source_target_pairs={{0,1},{1,0}}
}

%condition (p.1: (s32[], f32[4,8])) -> pred[] {
  %limit = s32[]{:T(128)} constant(12)
  %p.1 = (s32[], f32[4,8]{1,0}) parameter(0)
  %count = s32[] get-tuple-element(%p.1), index=0
  ROOT %lt = pred[]{:T(512)} compare(%count, %limit), direction=LT
}

ENTRY %main.1 (a: f32[4,8]) -> bf16[2,8] {
  %a = f32[4,8]{1,0} parameter(0)
  %zero = s32[] constant(0)
  %start = (s32[], f32[4,8]{1,0}) tuple(%zero, %a)
  %loop = (s32[], f32[4,8]{1,0}) while(%start), condition=%condition, body=%body
  %out = f32[4,8]{1,0} get-tuple-element(%loop), index=1
  %cast = bf16[4,8]{1,0} convert(%out), backend_config={"estimated_cycles":"7"}
  ROOT %part = bf16[2,8]{1,0} reduce-scatter(%cast), replica_groups={{0,1},{2,3}}, dimensions={0}
}
"""


def test_cycles_and_exchanges_of_a_tpu_program():
    assert program.cycles(HLO) == 12 * 50 + 7
    assert program.sequential_steps(HLO) == 12
    assert program.collectives(HLO) == [
        program.Collective("all-gather", 12, 1, 2, 8 * 8 * 4 / 2),
        program.Collective("collective-permute", 12, 1, 2, 4 * 8 * 4),
        program.Collective("reduce-scatter", 1, 0, 2, 2 * 8 * 2),
    ]


def test_the_notation_of_a_mesh_tells_the_size_of_a_group():
    text = HLO.replace("[4,2]<=[8]", "mesh['axis_0'=4,'axis_1'=2] {'axis_0'}")
    assert program.collectives(text)[0].group == 4


def test_text_that_is_no_program_is_refused():
    with pytest.raises(ValueError, match="no ENTRY"):
        program.parse("HloModule jit_step\n")
