// The gradient behind an activation function that put out x. `through`:
//   0: there is no such function
//   1: ReLU                 the gradient stays only where x > 0
//   2: ReLU, guided         and where it is positive itself
//   3, 4: ReLU6, likewise   0 < x < 6
fn through_activation(gradient: vec4f, x: vec4f, through: u32) -> vec4f {
  var value = gradient;
  if (through != 0u) { value = select(vec4f(0.0), value, x > vec4f(0.0)); }
  if (through >= 3u) { value = select(vec4f(0.0), value, x < vec4f(6.0)); }
  if (through == 2u || through == 4u) { value = max(value, vec4f(0.0)); }
  return value;
}
