//! The shaders as text, and what is done to them before they are compiled.
//!
//! A shader is valid WGSL but for lines that begin with `//#` and names that begin with `$`:
//! `//#for i in ROWS` (or `in 4`) … `//#end` repeats its lines with `$i` = 0, 1, …; `//#if F16` …
//! `//#else` … `//#end` keeps one half; `$ROWS` stands for the constant; `//#import weight` stands
//! for `shaders/shared/weight.wgsl`. An array with a dynamic index may end up in memory instead of
//! registers, so a tile's accumulators are written out. Nothing else is generated.

use crate::operation::Precision;
use std::cmp::Reverse;

/// A shader with the constants that it is compiled with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shader {
    pub name: &'static str,
    source: &'static str,
    constants: Vec<(&'static str, u32)>,
}

macro_rules! shaders {
    ($($name:ident),* $(,)?) => {
        $(
            #[doc = concat!("`shaders/", stringify!($name), ".wgsl`")]
            pub fn $name() -> Shader {
                let source = include_str!(concat!("../shaders/", stringify!($name), ".wgsl"));
                Shader { name: stringify!($name), source, constants: vec![] }
            }
        )*
        /// Every shader, without constants.
        pub fn all() -> Vec<Shader> {
            vec![$($name()),*]
        }
    };
}

/// What `//#import` finds.
const SHARED: [(&str, &str); 8] = [
    ("coordinates", include_str!("../shaders/shared/coordinates.wgsl")),
    ("conv2d", include_str!("../shaders/shared/conv2d.wgsl")),
    ("epilogue", include_str!("../shaders/shared/epilogue.wgsl")),
    ("flags", include_str!("../shaders/shared/flags.wgsl")),
    ("gates", include_str!("../shaders/shared/gates.wgsl")),
    ("through", include_str!("../shaders/shared/through.wgsl")),
    ("weight", include_str!("../shaders/shared/weight.wgsl")),
    ("workgroup_sum", include_str!("../shaders/shared/workgroup_sum.wgsl")),
];

shaders! {
    ablate_channel,
    attention,
    attention_backward,
    cam,
    cam_weights,
    conv2d,
    conv2d_registers,
    conv2d_shared,
    conv2d_sum,
    conv2d_transpose_weight,
    depthwise_conv2d,
    depthwise_conv2d_backward_input,
    film,
    film_backward,
    global_average_pool,
    global_average_pool_backward,
    gru_cell,
    gru_gates,
    gru_gates_backward,
    linear,
    linear_backward,
    max_pool2d,
    max_pool2d_backward,
    max_pool2d_indices,
    offsets,
    offsets_backward,
    outer_product,
    randomize,
    weighted_sum,
    weighted_sum_backward,
    winograd_input,
    winograd_output,
    winograd_weight,
}

impl Shader {
    /// With one more constant.
    pub fn with(mut self, name: &'static str, value: usize) -> Shader {
        self.constants.push((name, value as u32));
        self
    }

    /// With weights that are held so.
    pub fn with_precision(self, precision: Precision) -> Shader {
        self.with("F16", (precision == Precision::F16) as usize)
            .with("I8", (precision == Precision::I8) as usize)
    }
}

/// The WGSL to compile. A constant that is not given counts as 0.
pub fn expand(shader: &Shader) -> String {
    let lines: Vec<&str> = shader.source.lines().collect();
    let mut names: Vec<_> =
        shader.constants.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    // The longest first: `$WX_COLS` must not be read as `$WX` and a rest.
    names.sort_by_key(|(name, _)| Reverse(name.len()));
    let mut out = String::new();
    write_lines(&lines, &names, &mut out);
    out
}

fn write_lines(lines: &[&str], names: &[(String, u32)], out: &mut String) {
    let value = |name: &str| names.iter().find(|(n, _)| n == name).map_or(0, |&(_, v)| v);
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if let Some(header) = line.strip_prefix("//#for ") {
            let (_, end) = block(lines, at);
            let (index, count) = header.split_once(" in ").expect("//#for i in COUNT");
            for i in 0..count.parse().unwrap_or_else(|_| value(count)) {
                let mut inner = names.to_vec();
                inner.push((index.to_owned(), i));
                write_lines(&lines[at + 1..end], &inner, out);
            }
            at = end;
        } else if let Some(name) = line.strip_prefix("//#import ") {
            let (_, shared) =
                SHARED.iter().find(|(known, _)| *known == name).expect("a file of shaders/shared");
            write_lines(&shared.lines().collect::<Vec<_>>(), names, out);
        } else if let Some(name) = line.strip_prefix("//#if ") {
            let (middle, end) = block(lines, at);
            let kept = if value(name) != 0 { at + 1..middle } else { (middle + 1).min(end)..end };
            write_lines(&lines[kept], names, out);
            at = end;
        } else {
            let mut text = line.to_owned();
            for (name, value) in names {
                text = text.replace(&format!("${name}"), &value.to_string());
            }
            out.push_str(&text);
            out.push('\n');
        }
        at += 1;
    }
}

/// The `//#else` of the block opened at `start`, or else the `//#end` that closes it, and that
/// `//#end`.
fn block(lines: &[&str], start: usize) -> (usize, usize) {
    let (mut depth, mut middle) = (0, None);
    for (i, line) in lines.iter().enumerate().skip(start) {
        match line.split(' ').next() {
            Some("//#for" | "//#if") => depth += 1,
            Some("//#else") if depth == 1 => middle = Some(i),
            Some("//#end") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (middle.unwrap_or(i), i);
        }
    }
    panic!("block without //#end at line {}", start + 1)
}
