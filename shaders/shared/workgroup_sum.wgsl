// The sum of a value of each invocation of a workgroup of 256. Must be called by all of them.
var<workgroup> parts: array<vec4f, 256>;

fn workgroup_sum(value: vec4f, lane: u32) -> vec4f {
  workgroupBarrier();  // who still reads what was added before
  parts[lane] = value;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { parts[lane] += parts[lane + half]; }
  }
  workgroupBarrier();
  return parts[0];
}
