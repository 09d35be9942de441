// Starts the program. A file of its own, since the page's Content-Security-Policy refuses inline scripts, which is what
// trunk would write; Trunk.toml's `pattern_script` hands over the hashed names.
const { js, wasm } = document.querySelector("script[data-wasm]").dataset;
try {
  const { default: init } = await import(new URL(js, document.baseURI));
  await init({ module_or_path: new URL(wasm, document.baseURI) });
} catch (error) {
  // No WebAssembly, a file missing, a host that cut the line: index.html has the sentence.
  console.error(error);
  document.documentElement.dataset.crashed = "";
}

// Afterwards, so that keeping the page for visits without a network does not delay this one. A browser that refuses, or a build
// without worker.js, loses nothing else.
try {
  const kept = await navigator.serviceWorker?.register(new URL("worker.js", document.baseURI), { updateViaCache: "none" });
  if (kept) {
    await navigator.serviceWorker.ready;
    document.documentElement.dataset.kept = "";
  }
} catch (error) {
  console.info("not kept for visits without a network:", error.message);
}
