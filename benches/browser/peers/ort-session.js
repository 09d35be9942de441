// A forward in ONNX Runtime Web, which has no backward pass for inference sessions.
import { input, network, ready, SIDE } from './network.js';
import { onnx } from './onnx.js';

const DIST = '/node_modules/onnxruntime-web/dist/';

/** `bundle`: a file of the package; `provider`: who computes in it. */
export async function run(bundle, provider, threads) {
  const ort = await import(DIST + bundle);
  ort.env.wasm.wasmPaths = DIST;
  ort.env.wasm.numThreads = threads;
  const started = performance.now();
  const model = onnx(await network(), SIDE);
  const prepared = performance.now() - started;
  const session = await ort.InferenceSession.create(model, { executionProviders: [provider], graphOptimizationLevel: 'all' });
  const interleaved = await input();
  const planes = Float32Array.from(interleaved, (_, i) => interleaved[i % (SIDE * SIDE) * 3 + Math.floor(i / (SIDE * SIDE))]);
  const x = new ort.Tensor('float32', planes, [1, 3, SIDE, SIDE]);
  ready(ort.env.versions.web, prepared, { forward: async () => (await session.run({ x })).logits.getData() });
}
