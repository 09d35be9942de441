//! The page's entry: everything is in the library.

fn main() {
    #[cfg(target_arch = "wasm32")]
    gradlens::page::start();
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!(
        "This program is a web page: run scripts/serve. The native command is examples/explain.rs."
    );
}
