// Multiply-adds of registers and nothing else: what the card can do at most. Eight sums that don't
// wait for each other; the loop's end is a parameter, so that no compiler computes it beforehand.
@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;  // two factors, then [rounds, ...]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = input[0];
  let y = input[1];
  let rounds = u32(input[2].x);
  var a = vec4f(f32(id.x));
  var b = a + 1.0;
  var c = a + 2.0;
  var d = a + 3.0;
  var e = a + 4.0;
  var f = a + 5.0;
  var g = a + 6.0;
  var h = a + 7.0;
  for (var i = 0u; i < rounds; i++) {
    a = fma(a, x, y);
    b = fma(b, x, y);
    c = fma(c, x, y);
    d = fma(d, x, y);
    e = fma(e, x, y);
    f = fma(f, x, y);
    g = fma(g, x, y);
    h = fma(h, x, y);
  }
  out[id.x] = a + b + c + d + e + f + g + h;
}
