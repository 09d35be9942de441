// The gates of a recurrent unit, of sums s [5 * units]: see gru_gates.
struct Gates { r: f32, z: f32, n: f32, m: f32, h: f32 }

fn gates(unit: u32) -> Gates {
  let u = p.units;
  let r = 1.0 / (1.0 + exp(-s[unit]));
  let z = 1.0 / (1.0 + exp(-s[u + unit]));
  let m = s[3u * u + unit];
  // Beyond 15 tanh is 1 in f32, and some drivers' tanh overflows for large arguments.
  let n = tanh(clamp(s[2u * u + unit] + r * m, -15.0, 15.0));
  return Gates(r, z, n, m, s[4u * u + unit]);
}
