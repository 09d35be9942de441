//! The inner loops in relaxed SIMD, where the browser knows it: loads `kernel.rs`, compiled, into
//! the memory of this program.
//!
//! - `build.rs`: cargo's build script, which compiles `kernel.rs`;
//! - `kernel.rs`: the module: the same loops as `matmul/rows.rs` and `depthwise_conv2d/row.rs`.

use js_sys::WebAssembly::{Instance, Module, validate};
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wide::f32x4;

#[wasm_bindgen]
extern "C" {
    /// The module's exports.
    type Kernel;
    #[wasm_bindgen(method)]
    fn rows_times_panel(
        this: &Kernel,
        m: usize,
        depth: usize,
        a: *const f32,
        stride: usize,
        panel: *const f32,
        sums: *mut f32,
    );
    #[wasm_bindgen(method)]
    fn depthwise_row(
        this: &Kernel,
        ksize: usize,
        stride: usize,
        ring: *const f32,
        length: usize,
        first: usize,
        w: *const f32,
        sums: *mut f32,
        groups: usize,
        c4: usize,
    );
}

thread_local! {
    static KERNEL: Option<Kernel> = load();
}

fn load() -> Option<Kernel> {
    let bytes = Uint8Array::from(
        &include_bytes!(concat!(env!("OUT_DIR"), "/relaxed_simd_kernel.wasm"))[..],
    );
    if !validate(&bytes).ok()? {
        return None;
    }
    let [imports, env] = [Object::new(), Object::new()];
    Reflect::set(&env, &"memory".into(), &wasm_bindgen::memory()).ok()?;
    Reflect::set(&imports, &"env".into(), &env).ok()?;
    let instance = Instance::new(&Module::new(&bytes).ok()?, &imports).ok()?;
    Some(instance.exports().unchecked_into())
}

/// `matmul::rows_times_panel` by the module. False if there is none here.
pub fn rows_times_panel(
    a: &[f32],
    stride: usize,
    panel: &[[f32x4; 2]],
    sums: &mut [[f32x4; 2]],
) -> bool {
    let (m, depth) = (sums.len(), panel.len());
    // The module doesn't check: these are what its pointers must be good for.
    assert!(m > 0 && (m - 1) * stride + depth <= a.len());
    with_kernel(|kernel| {
        let (panel, sums) = (panel.as_ptr().cast(), sums.as_mut_ptr().cast());
        kernel.rows_times_panel(m, depth, a.as_ptr(), stride, panel, sums);
    })
}

/// `depthwise_conv2d::row` by the module. False if there is none here, or if it hasn't this window.
pub fn depthwise_row(
    [ksize, stride]: [usize; 2],
    ring: &[f32x4],
    first: usize,
    w: &[f32x4],
    sums: &mut [[f32x4; 4]],
    c4: usize,
) -> bool {
    if !matches!((ksize, stride), (3 | 5, 1 | 2)) {
        return false;
    }
    let (length, groups) = (ring.len() / ksize, sums.len() / c4);
    assert!(ksize * ksize * c4 <= w.len());
    with_kernel(|kernel| {
        let (ring, w) = (ring.as_ptr().cast(), w.as_ptr().cast());
        let sums = sums.as_mut_ptr().cast();
        kernel.depthwise_row(ksize, stride, ring, length, first, w, sums, groups, c4);
    })
}

/// False if there is none.
fn with_kernel(work: impl FnOnce(&Kernel)) -> bool {
    KERNEL.with(|kernel| kernel.as_ref().map(work).is_some())
}
