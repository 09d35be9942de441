// Weights as they are stored on the GPU: four of them, of one row of output channels. Declare `w:
// array<Packed>`.
//#if I8
alias Packed = u32;    // four i8, 127ths
fn unpack(weights: Packed) -> vec4f {
  return unpack4x8snorm(weights);
}
//#else
//#if F16
alias Packed = vec2u;  // two pairs of f16
fn unpack(weights: Packed) -> vec4f {
  return vec4f(unpack2x16float(weights.x), unpack2x16float(weights.y));
}
//#else
alias Packed = vec4f;
fn unpack(weights: Packed) -> vec4f {
  return weights;
}
//#end
//#end
