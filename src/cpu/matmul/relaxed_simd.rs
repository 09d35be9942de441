//! Loads `kernel.rs`, compiled, where the browser knows relaxed SIMD, into the memory of this
//! program.

use js_sys::WebAssembly::{Instance, Module, validate};
use js_sys::{Object, Reflect, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;

use super::Row;

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

/// [`super::rows_times_panel`] by the module. False if there is none here.
pub fn rows_times_panel(a: &[f32], stride: usize, panel: &[Row], sums: &mut [Row]) -> bool {
    let (m, depth) = (sums.len(), panel.len());
    // The module doesn't check: these are what its pointers must be good for.
    assert!(m > 0 && (m - 1) * stride + depth <= a.len());
    KERNEL.with(|kernel| {
        let Some(kernel) = kernel else { return false };
        let (panel, sums) = (panel.as_ptr().cast(), sums.as_mut_ptr().cast());
        kernel.rows_times_panel(m, depth, a.as_ptr(), stride, panel, sums);
        true
    })
}
