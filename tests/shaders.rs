//! Every shader, in every form that it is compiled in, passes naga's parser and validator: no GPU needed.

use gradlens::ops;
use gradlens::shader::{self, Shader};

fn validate(shader: &Shader) -> Result<(), String> {
    let source = shader::expand(shader);
    let leftover = source.lines().find(|line| line.contains('$') || line.contains("//#"));
    if let Some(line) = leftover.filter(|line| !line.trim_start().starts_with("// ")) {
        return Err(format!("{}: not expanded: {line}", shader.name));
    }
    let module = naga::front::wgsl::parse_str(&source).map_err(|e| e.emit_to_string_with_path(&source, shader.name))?;
    let mut validator = naga::valid::Validator::new(
        naga::valid::ValidationFlags::all(),
        naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32 | naga::valid::Capabilities::SUBGROUP,
    );
    validator.validate(&module).map_err(|e| e.emit_to_string_with_path(&source, shader.name))?;
    Ok(())
}

#[test]
fn every_shader_is_valid() {
    let forms: Vec<Shader> = shader::all()
        .into_iter()
        .flat_map(|shader| ops::Precision::ALL.map(|precision| precision.apply(shader.clone())))
        .flat_map(|shader| match shader.name {
            "conv2d" => ops::TILES.iter().chain([&ops::NARROW_TILE]).map(|tile| tile.apply(shader.clone())).collect(),
            _ => vec![shader],
        })
        .flat_map(|shader| match shader.constant("MATRIX") {
            0 => vec![shader],
            _ => [[0, 0], [0, 1], [1, 0], [1, 1]]
                .map(|[subgroups, transpose]| shader.clone().with("SUBGROUPS", subgroups).with("TRANSPOSE", transpose))
                .into(),
        })
        .collect();
    let failures: Vec<String> = forms.iter().filter_map(|form| validate(form).err()).collect();
    println!("{} forms of {} shaders validated", forms.len(), shader::all().len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A shader that names a type or a variable that is not there does not pass: the test above can fail.
#[test]
fn a_broken_shader_is_not_valid() {
    let source = shader::expand(&shader::linear()).replace("vec4f", "vec5f");
    assert!(naga::front::wgsl::parse_str(&source).is_err());
}

#[test]
fn loops_and_choices_are_written_out() {
    let tile = ops::Tile { rows: 3, cols: 2, wx: 4, wy: 5, shared: false, split: 1 };
    let source = shader::expand(&tile.apply(shader::conv2d().with("F16", 1)));
    for (text, times) in
        [("var sum", 6), ("@workgroup_size(4, 5)", 1), ("unpack2x16float(weights.x)", 1), ("alias Packed = vec2u", 1)]
    {
        assert_eq!(source.matches(text).count(), times, "{text}");
    }
    let split = ops::Tile { split: 4, ..tile }.apply(shader::conv2d().with("F16", 1));
    assert_eq!(shader::expand(&split), source, "compiled once, whether it splits the sum or not");
}
