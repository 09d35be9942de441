//#import flags
// What follows an operation's sum. Declare `residual` and `mask`, both as y [.., c], to be read by
// the flags that name them.
fn epilogue(sum: vec4f, at: u32, flags: u32) -> vec4f {
  var value = sum;
  if ((flags & RESIDUAL) != 0u) { value += residual[at]; }
  if ((flags & RELU) != 0u) { value = max(value, vec4f(0.0)); }
  if ((flags & RELU6) != 0u) { value = min(value, vec4f(6.0)); }
  if ((flags & MASK) != 0u) { value = select(vec4f(0.0), value, mask[at] > vec4f(0.0)); }
  if ((flags & MASK_BELOW_6) != 0u) { value = select(vec4f(0.0), value, mask[at] < vec4f(6.0)); }
  return value;
}
