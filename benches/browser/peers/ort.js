// ONNX Runtime Web, webgpu execution provider.
import { run } from './ort-session.js';

await run('ort.webgpu.min.mjs', 'webgpu', 2);
