//! Which kernel computes a convolution: chosen by its number of output positions, from what
//! [`tuning`](crate::tuning) measured.

use std::fmt;
use std::str::FromStr;

use super::conv2d::Conv2d;
use super::tile::{DEFAULT_TILE, NAIVE, NARROW_TILE, TILES, Tile};
use super::winograd::suits_winograd;

/// Convolutions are told apart by their output positions: at least so many. Of a 224×224 photo: the
/// stem and layer1 (56×56), layer2 (28×28), layer3 and layer4 (14×14, 7×7).
pub const CLASSES: [usize; 3] = [1568, 392, 0];

/// The class of fewest positions, the only one whose tiles may split the sum.
pub const FEWEST: usize = CLASSES.len() - 1;

/// The tile for each class of convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    pub(crate) tiles: [Tile; CLASSES.len()],
    /// Where 3×3 convolutions of stride 1 are computed in Winograd's form.
    pub(crate) winograd: [bool; CLASSES.len()],
}

/// Without measuring.
impl Default for Tuning {
    fn default() -> Tuning {
        Tuning { tiles: [DEFAULT_TILE; CLASSES.len()], winograd: [false; CLASSES.len()] }
    }
}

impl Tuning {
    /// The tile for a convolution with so many output positions.
    pub fn tile(&self, positions: usize) -> Tile {
        self.tiles[class_of(positions)]
    }

    /// The tile for a gradient of so many positions, which a stride computes a part at a time.
    pub(super) fn tile_backward(&self, conv: &Conv2d, positions: usize) -> Tile {
        if conv.c_in <= 4 {
            NARROW_TILE
        } else {
            self.tile(positions / (conv.stride * conv.stride))
        }
    }

    /// The tile for the products of Winograd's form, if a convolution with such an output is to be
    /// computed in that form.
    pub fn winograd(&self, conv: &Conv2d, size: [usize; 2]) -> Option<Tile> {
        let class = class_of(size[0] * size[1]);
        let tile = Tile { split: 1, ..self.tiles[class] };
        (self.winograd[class] && suits_winograd(conv, size, tile)).then_some(tile)
    }
}

fn class_of(positions: usize) -> usize {
    CLASSES.iter().position(|&least| positions >= least).unwrap_or(FEWEST)
}

/// As `8x2/8x8w 4x2/8x8 4x1/8x8sk4`; `w` where 3×3 convolutions are in Winograd's form.
impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let word = |(tile, &winograd): (&Tile, &bool)| {
            format!("{tile}{}", if winograd { "w" } else { "" })
        };
        let words: Vec<String> = self.tiles.iter().zip(&self.winograd).map(word).collect();
        f.write_str(&words.join(" "))
    }
}

impl FromStr for Tuning {
    type Err = ();
    /// Only [`NAIVE`] and tiles of [`TILES`] are taken: what was kept by another version, or by
    /// hand, is measured again.
    fn from_str(text: &str) -> Result<Tuning, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let words: [&str; CLASSES.len()] = words.try_into().map_err(|_| ())?;
        let known = |word: &str| {
            TILES
                .into_iter()
                .chain([NAIVE])
                .find(|tile| tile.to_string() == word.trim_end_matches('w'))
        };
        let mut tiles = [DEFAULT_TILE; CLASSES.len()];
        for (tile, word) in tiles.iter_mut().zip(words) {
            *tile = known(word).ok_or(())?;
        }
        let splits_rightly = tiles[..FEWEST].iter().all(|tile| tile.split == 1);
        splits_rightly
            .then_some(Tuning { tiles, winograd: words.map(|word| word.ends_with('w')) })
            .ok_or(())
    }
}
