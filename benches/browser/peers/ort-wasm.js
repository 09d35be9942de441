// ONNX Runtime Web on the processor: one thread, as any page without special headers has, and as ours.
import { run } from './ort-session.js';

await run('ort.wasm.min.mjs', 'wasm', 1);
