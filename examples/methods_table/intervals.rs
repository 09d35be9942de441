//! Means, and within what bounds they would lie in 95 of 100 repetitions.

/// Draws of a bootstrap: its bounds then move by a few hundredths of their distance.
const DRAWS: usize = 2000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// Whether 0 lies outside.
    pub fn differs_from_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// A share of hits, by Wilson's score interval (1927): unlike a bootstrap it has a width where all
/// or none hit. None of none.
pub fn wilson(hits: usize, of: usize) -> Option<Interval> {
    const Z: f64 = 1.959_963_984_540_054; // 97.5 % of a normal distribution lie below
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (low, high) = ((middle - half).max(0.0), (middle + half).min(1.0));
    (of > 0).then_some(Interval { value: p, low, high })
}

/// The mean of all values, by the bootstrap (Efron 1979): groups are drawn with replacement, since
/// values of one group (maps of one scene) are not independent. The same each time. None of none.
pub fn bootstrap(groups: &[Vec<f64>]) -> Option<Interval> {
    let sums: Vec<(f64, usize)> =
        groups.iter().map(|group| (group.iter().sum::<f64>(), group.len())).collect();
    let mean = |drawn: &mut dyn Iterator<Item = (f64, usize)>| {
        let (sum, count) = drawn.fold((0.0, 0), |(s, n), (sum, count)| (s + sum, n + count));
        if count > 0 { sum / count as f64 } else { f64::NAN }
    };
    let value = mean(&mut sums.iter().copied());
    if value.is_nan() {
        return None;
    }
    let mut state = 1u64;
    let mut below = |n: usize| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * n as u128) >> 64) as usize
    };
    let draw = |_| mean(&mut (0..sums.len()).map(|_| sums[below(sums.len())]));
    let mut means: Vec<f64> = (0..DRAWS).map(draw).filter(|mean| !mean.is_nan()).collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
    Some(Interval { value, low: at(0.025), high: at(0.975) })
}
