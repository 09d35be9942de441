//! Every shader, in every form that it is compiled in, passes naga's parser and validator: no GPU
//! needed.

use gradlens::ops;
use gradlens::shader::{self, Shader};

fn validate(shader: &Shader) -> Result<(), String> {
    let source = shader::expand(shader);
    let leftover = source.lines().find(|line| line.contains('$') || line.contains("//#"));
    if let Some(line) = leftover.filter(|line| !line.trim_start().starts_with("// ")) {
        return Err(format!("{}: not expanded: {line}", shader.name));
    }
    let module = naga::front::wgsl::parse_str(&source)
        .map_err(|e| e.emit_to_string_with_path(&source, shader.name))?;
    let mut validator = naga::valid::Validator::new(
        naga::valid::ValidationFlags::all(),
        naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32,
    );
    validator.validate(&module).map_err(|e| e.emit_to_string_with_path(&source, shader.name))?;
    Ok(())
}

#[test]
fn every_shader_is_valid() {
    let tiles = ops::TILES.iter().chain([&ops::NAIVE, &ops::NARROW_TILE]).map(|tile| tile.shader());
    let forms: Vec<Shader> = shader::all()
        .into_iter()
        .filter(|shader| !["conv2d_registers", "conv2d_shared"].contains(&shader.name)) // they need a tile
        .chain(tiles)
        .flat_map(|shader| {
            ops::Precision::ALL.map(|precision| shader.clone().with_precision(precision))
        })
        .collect();
    let failures: Vec<String> = forms.iter().filter_map(|form| validate(form).err()).collect();
    println!("{} forms of {} shaders validated", forms.len(), shader::all().len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A shader that names a type or a variable that is not there does not pass: the test above can
/// fail.
#[test]
fn a_broken_shader_is_not_valid() {
    let source = shader::expand(&shader::linear()).replace("vec4f", "vec5f");
    assert!(naga::front::wgsl::parse_str(&source).is_err());
}

#[test]
fn loops_and_choices_are_written_out() {
    let tile = ops::Tile { rows: 3, cols: 2, wx: 4, wy: 5, ..ops::DEFAULT_TILE };
    let expanded =
        |tile: ops::Tile| shader::expand(&tile.shader().with_precision(ops::Precision::F16));
    let source = expanded(tile);
    for (text, times) in [
        ("var sum", 6),
        ("@workgroup_size(20)", 1),
        ("unpack2x16float(weights.x)", 1),
        ("alias Packed = vec2u", 1),
    ] {
        assert_eq!(source.matches(text).count(), times, "{text}");
    }
    assert_eq!(
        expanded(ops::Tile { split: 4, ..tile }),
        source,
        "compiled once, whether it splits the sum or not"
    );
}
