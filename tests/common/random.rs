//! Seeded random numbers; a fresh seed each run unless `SEED` is set, printed so that a failure can
//! be repeated.

use gradlens::reference::Image;

pub struct Random(u64);

impl Random {
    /// From the environment variable `SEED`, else from the clock.
    pub fn fresh(test: &str) -> Random {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
                as u64;
        let seed =
            std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(now % 1_000_000_007);
        println!("{test}: SEED={seed}");
        Random::new(seed)
    }

    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// splitmix64
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [-1, 1), f32 exactly.
    pub fn unit(&mut self) -> f32 {
        ((self.bits() >> 40) as i32 - (1 << 23)) as f32 / (1 << 23) as f32
    }

    /// `count` values in [-1, 1), rounded to f16 if asked, so that an f16 upload loses nothing.
    pub fn values(&mut self, count: usize, f16: bool) -> Vec<f32> {
        let round = |v: f32| if f16 { half::f16::from_f32(v).to_f32() } else { v };
        (0..count).map(|_| round(self.unit())).collect()
    }

    pub fn image(&mut self, channels: usize, height: usize, width: usize) -> Image {
        Image::new(channels, height, width, &self.values(channels * height * width, false))
    }
}
