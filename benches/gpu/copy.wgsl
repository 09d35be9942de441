// Reads a buffer and writes another, a vec4 an invocation: the card's memory bandwidth.
@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  for (var i = id.x; i < arrayLength(&out); i += 64u * workgroups.x) {
    out[i] = input[i];
  }
}
