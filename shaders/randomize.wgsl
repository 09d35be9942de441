// randomize: one round of shuffling numbers in place; the rounds in reverse order put everything
// back.
//   words i and i ^ mask change places where a hash of the smaller one's place says so
// A number may be a pair of f16 or four i8: whatever a 32-bit word holds moves together. One
// invocation owns one pair.
// Reference: reference::randomize
// Dispatch: ceil(count / 64) workgroups in x

struct Params { count: u32, mask: u32, seed: u32 }

@group(0) @binding(0) var<storage, read_write> words: array<u32>;  // [count]
@group(0) @binding(1) var<uniform> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * 64u + id.x;
  let j = i ^ p.mask;
  if (i >= j || j >= p.count) { return; }
  // lowbias32 of Chris Wellons' hash prospector
  var hash = i ^ p.seed;
  hash = (hash ^ (hash >> 16u)) * 0x7feb352du;
  hash = (hash ^ (hash >> 15u)) * 0x846ca68bu;
  hash ^= hash >> 16u;
  if ((hash & 1u) == 0u) { return; }
  let word = words[i];
  words[i] = words[j];
  words[j] = word;
}
