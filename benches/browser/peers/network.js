// What both peers get: the network of the safetensors file that our page loads, batch norm folded into the convolutions as a
// user would before deploying, and the photo as the page's own input.

const ROOT = new URL('/page/', location.href);
const EPS = 1e-5; // torch.nn.BatchNorm2d
// torchvision/transforms/_presets.py, ImageClassification
const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];
export const SIDE = 224;

/** name → { shape, values } of an f32 safetensors file. */
async function tensors() {
  const bytes = await (await fetch(new URL('weights/imagenet/resnet50.safetensors', ROOT))).arrayBuffer();
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  return name => {
    const { dtype, shape, data_offsets: [from, to] } = header[name] ?? {};
    if (dtype !== 'F32') throw new Error(`${name}: expected F32, found ${dtype}`);
    return { shape, values: new Float32Array(bytes.slice(8 + length + from, 8 + length + to)) };
  };
}

/** A convolution with its batch norm folded in: weight [c_out, c_in, ksize, ksize], bias [c_out]. */
function folded(get, conv, norm, stride) {
  const { shape: [cOut, cIn, ksize], values } = get(`${conv}.weight`);
  const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(part => get(`${norm}.${part}`).values);
  const bias = new Float32Array(cOut);
  const row = cIn * ksize * ksize;
  for (let co = 0; co < cOut; co++) {
    const scale = gamma[co] / Math.sqrt(variance[co] + EPS);
    bias[co] = beta[co] - mean[co] * scale;
    for (let i = co * row; i < (co + 1) * row; i++) values[i] *= scale;
  }
  return { name: conv, cIn, cOut, ksize, stride, padding: ksize >> 1, weight: values, bias };
}

/** torchvision's resnet50: { stem, blocks: [{ convs, downsample }], fc }. */
export async function network() {
  const get = await tensors();
  const blocks = [];
  [3, 4, 6, 3].forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      blocks.push({
        convs: [1, 2, 3].map(i => folded(get, `${name}.conv${i}`, `${name}.bn${i}`, i === 2 ? stride : 1)), // v1.5
        downsample: block === 0 ? folded(get, `${name}.downsample.0`, `${name}.downsample.1`, stride) : null,
      });
    }
  });
  return { stem: folded(get, 'conv1', 'bn1', 2), blocks, fc: { weight: get('fc.weight').values, bias: get('fc.bias').values } };
}

/** The photo, normalised: [SIDE, SIDE, 3]. */
export async function input() {
  const photo = await createImageBitmap(await (await fetch('/photo')).blob(), { colorSpaceConversion: 'none' });
  if (photo.width !== SIDE || photo.height !== SIDE) throw new Error(`the photo is ${photo.width}×${photo.height}`);
  const canvas = new OffscreenCanvas(SIDE, SIDE).getContext('2d');
  canvas.drawImage(photo, 0, 0);
  const { data } = canvas.getImageData(0, 0, SIDE, SIDE);
  return Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (data[Math.floor(i / 3) * 4 + i % 3] / 255 - MEAN[i % 3]) / STD[i % 3]);
}

/** { class, probability } of the likeliest class: what the table compares, so that nobody is fast by being wrong. */
export function best(logits) {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, v) => sum + Math.exp(v - largest), 0);
  return { class: logits.indexOf(largest), probability: 1 / total };
}

/** Hands the tasks to run.mjs: it calls `task(name)` and reads what that returns. */
export function ready(version, tasks) {
  window.task = async name => {
    const started = performance.now();
    const logits = await tasks[name]();
    return { ms: performance.now() - started, best: logits && best(Array.from(logits)) };
  };
  window.ready = { version };
}

addEventListener('unhandledrejection', event => { window.ready = { error: String(event.reason?.stack ?? event.reason) }; });
