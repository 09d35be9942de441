// Starts the program. A file of its own, since the page's Content-Security-Policy refuses inline scripts, which is what
// trunk would write; Trunk.toml's `pattern_script` hands over the hashed names.
const { js, wasm } = document.querySelector("script[data-wasm]").dataset;
/** index.html has the sentence. */
const crash = () => { document.documentElement.dataset.crashed = ""; };
// A panic says so by itself. What the program cannot say any more, since WebAssembly stopped it (no memory, say) or the browser threw
// through it: such an error has WebAssembly among its callers.
const broken = error => error instanceof WebAssembly.RuntimeError || /wasm/.test(error?.stack);
addEventListener("error", ({ error }) => broken(error) && crash());
addEventListener("unhandledrejection", ({ reason }) => broken(reason) && crash());

// The photo that was chosen last, to be brought back by the reload that the sentence offers: through the browser's cache, which is
// emptied as soon as it has been read. One that was brought back already is not brought back again: it may be what breaks the page.
const BAG = "gradlens-photo";
let photo;
const see = files => { photo = [...(files ?? [])].find(file => !/\.(safetensors|pth?|ckpt|bin|pkl|onnx|h5|keras|tflite|pb|txt|json)$/i.test(file.name)) ?? photo; };
addEventListener("change", ({ target }) => see(target.files), true);
addEventListener("drop", ({ dataTransfer }) => see(dataTransfer?.files), true);
addEventListener("paste", ({ clipboardData }) => see(clipboardData?.files), true);
document.querySelector(".crash").addEventListener("click", async event => {
  if (!event.target.matches("a")) return;
  event.preventDefault();
  try {
    if (photo) {
      const headers = { "content-type": photo.type || "application/octet-stream", "x-name": encodeURIComponent(photo.name) };
      await (await caches.open(BAG)).put("photo", new Response(photo, { headers }));
      sessionStorage.setItem(BAG, "kept");
    }
  } finally {
    location.reload();
  }
});

/** Only in the tab that kept it: what another left behind is thrown away. */
async function unpack() {
  const kept = sessionStorage.getItem(BAG) && await caches.match("photo", { cacheName: BAG });
  sessionStorage.removeItem(BAG);
  const file = kept && new File([await kept.blob()], decodeURIComponent(kept.headers.get("x-name")), { type: kept.headers.get("content-type") });
  await caches.delete(BAG);
  return file;
}

/**
 * The worker in which the engine computes: the same program once more, begun at once, so that it is ready when the page is. From a blob,
 * since such a worker has the page's Content-Security-Policy; one that is loaded from an address has none. src/page/engine/client.rs takes
 * it, and posts what it starts with; where no worker starts it hears of that.
 */
const script = `const program = import(${JSON.stringify(new URL(js, document.baseURI))});
program.catch(() => {}); // said below, once somebody listens
onmessage = async ({ data: [module, port, base] }) => {
  self.gradlensBase = base;
  try {
    const { default: init, serve_engine } = await program;
    await init({ module_or_path: module });
    serve_engine(port);
  } catch (error) {
    reportError(error); // or the page would not hear of it
  }
};`;
let engine;
try {
  engine = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })), { type: "module" });
  engine.onerror = () => { engine = undefined; };
} catch (error) {
  console.info("no worker:", error.message);
}
window.gradlensWorker = () => engine;

try {
  const { default: init } = await import(new URL(js, document.baseURI));
  await init({ module_or_path: new URL(wasm, document.baseURI) });
} catch (error) {
  // No WebAssembly, a file missing, a host that cut the line.
  console.error(error);
  crash();
}

try {
  const file = await unpack();
  if (file) {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(file);
    dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
    photo = undefined;
  }
} catch (error) {
  console.info("no photo is brought back:", error.message); // storage is denied
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
