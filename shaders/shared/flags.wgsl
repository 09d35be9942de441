// What follows an operation in the same dispatch: bits of a shader's `flags`.
const RESIDUAL = 1u;       // + residual
const RELU = 2u;           // max(., 0)
const MASK = 4u;           // dL/dy stays only where mask, what the function put out, lies above 0
const SCALE_BIAS = 8u;     // scale * . + bias
const RELU6 = 16u;         // min(., 6), with RELU
const MASK_BELOW_6 = 32u;  // with MASK: and below 6
