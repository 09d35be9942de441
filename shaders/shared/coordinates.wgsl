// Column and row of a position, from -1 to 1: torch.linspace(-1, 1, n), which for n = 1 is -1.
fn coordinates(position: u32, height: u32, width: u32) -> vec2f {
  let at = vec2f(f32(position % width), f32(position / width));
  return 2.0 * at / vec2f(f32(max(width, 2u) - 1u), f32(max(height, 2u) - 1u)) - 1.0;
}
