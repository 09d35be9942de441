// What all peers get: the network of the safetensors file that our page loads, batch norm folded into the convolutions as a
// user would before deploying, and the photo as the page's own input. Which network: the address' `model`.
//
// A further network: a description like the two below, in whose terms tfjs-session.js and onnx.js build.

const ROOT = new URL('/page/', location.href);
export const SIDE = 224;

const NETWORKS = {
  'resnet-50': {
    file: 'weights/imagenet/resnet50.safetensors', build: resnet50, eps: 1e-5, same: false, // torch.nn.BatchNorm2d
    // torchvision/transforms/_presets.py, ImageClassification
    mean: [0.485, 0.456, 0.406].map(v => 255 * v), std: [0.229, 0.224, 0.225].map(v => 255 * v),
  },
  'efficientnet-lite0': {
    file: 'weights/efficientnet-lite0/efficientnet-lite0.safetensors', build: efficientNetLite0, eps: 1e-3, same: true,
    mean: [127, 127, 127], std: [128, 128, 128], // its authors' efficientnet_lite_builder.py
  },
};
const CHOSEN = NETWORKS[new URLSearchParams(location.search).get('model') ?? 'resnet-50'];

/** The bytes of the file, and how photos become inputs, as our own module wants them. */
export const weights = async () => new Uint8Array(await (await fetch(new URL(CHOSEN.file, ROOT))).arrayBuffer());
export const preprocessing = { crop: SIDE, mean: CHOSEN.mean.map(v => v / 255), std: CHOSEN.std.map(v => v / 255) };

/** name → { shape, values } of a safetensors file of F32 and F16. */
async function tensors() {
  const bytes = (await weights()).buffer;
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  return name => {
    const { dtype, shape, data_offsets: [from, to] } = header[name] ?? {};
    const content = bytes.slice(8 + length + from, 8 + length + to);
    if (dtype === 'F16') return { shape, values: Float32Array.from(new Float16Array(content)) };
    if (dtype !== 'F32') throw new Error(`${name}: expected F32 or F16, found ${dtype}`);
    return { shape, values: new Float32Array(content) };
  };
}

/** Rows and columns of zeros before and after: PyTorch's usual padding, or TensorFlow's "SAME", which follows the input's size. */
function padding(ksize, stride, side) {
  if (!CHOSEN.same) return [ksize >> 1, ksize >> 1];
  const total = Math.max((Math.ceil(side / stride) - 1) * stride + ksize - side, 0);
  return [total >> 1, total - (total >> 1)];
}

/** Reads convolutions from first to last, since what SAME adds follows from the size that the image has become. */
function reader(get) {
  let side = SIDE;
  /**
   * A convolution with its batch norm folded in: weight [c_out, c_in / groups, ksize, ksize], bias [c_out].
   * `activation`: 'relu', 'relu6' or 'linear'; `beside`: the image keeps its size for the next one, which reads the same.
   */
  const conv = (name, norm, { stride = 1, groups = 1, activation = 'linear', beside = false } = {}) => {
    const { shape: [cOut, rowChannels, ksize], values } = get(`${name}.weight`);
    const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(part => get(`${norm}.${part}`).values);
    const bias = new Float32Array(cOut);
    const row = rowChannels * ksize * ksize;
    for (let co = 0; co < cOut; co++) {
      const scale = gamma[co] / Math.sqrt(variance[co] + CHOSEN.eps);
      bias[co] = beta[co] - mean[co] * scale;
      for (let i = co * row; i < (co + 1) * row; i++) values[i] *= scale;
    }
    const pads = padding(ksize, stride, side);
    if (!beside) side = Math.ceil(side / stride);
    return { name, shape: [cOut, rowChannels, ksize, ksize], ksize, stride, groups, pads, same: CHOSEN.same, activation, weight: values, bias };
  };
  const pool = () => { side = Math.ceil(side / 2); return true; };
  const linear = name => ({ shape: get(`${name}.weight`).shape, weight: get(`${name}.weight`).values, bias: get(`${name}.bias`).values });
  return { conv, pool, linear };
}

/** torchvision's resnet50, v1.5: the stride is the 3×3's. */
function resnet50({ conv, pool, linear }) {
  const relu = { activation: 'relu' };
  const stem = conv('conv1', 'bn1', { stride: 2, ...relu });
  const blocks = [];
  pool();
  [3, 4, 6, 3].forEach((count, stage) => {
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}.${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const shortcut = block > 0 ? 'input' : conv(`${name}.downsample.0`, `${name}.downsample.1`, { stride, beside: true });
      const convs = [conv(`${name}.conv1`, `${name}.bn1`, relu), conv(`${name}.conv2`, `${name}.bn2`, { stride, ...relu }), conv(`${name}.conv3`, `${name}.bn3`)];
      blocks.push({ convs, shortcut, activation: 'relu' });
    }
  });
  return { stem, pool: true, blocks, head: null, fc: linear('fc') };
}

/** arXiv 1905.11946, table 1, and its authors' notes on Lite; names of the package efficientnet_lite_pytorch. */
function efficientNetLite0({ conv, linear }) {
  const relu6 = { activation: 'relu6' };
  const stem = conv('_conv_stem', '_bn0', { stride: 2, ...relu6 });
  const blocks = [];
  const stages = [[1, 1, 16, 1], [6, 2, 24, 2], [6, 2, 40, 2], [6, 2, 80, 3], [6, 1, 112, 3], [6, 2, 192, 4], [6, 1, 320, 1]];
  let channels = 32;
  for (const [expansion, firstStride, cOut, count] of stages) {
    for (let i = 0; i < count; i++) {
      const name = `_blocks.${blocks.length}`, stride = i === 0 ? firstStride : 1;
      const convs = [
        ...(expansion > 1 ? [conv(`${name}._expand_conv`, `${name}._bn0`, relu6)] : []),
        conv(`${name}._depthwise_conv`, `${name}._bn1`, { stride, groups: channels * expansion, ...relu6 }),
        conv(`${name}._project_conv`, `${name}._bn2`),
      ];
      blocks.push({ convs, shortcut: stride === 1 && cOut === channels ? 'input' : null, activation: 'linear' });
      channels = cOut;
    }
  }
  return { stem, pool: false, blocks, head: conv('_conv_head', '_bn1', relu6), fc: linear('_fc') };
}

/**
 * The chosen network, to be walked from stem to fc: stem; a max pooling 3×3 with stride 2 and padding 1 if `pool`; blocks; head, if any;
 * mean over positions; fc [classes, features]. A block: `convs` one after the other, then plus the `shortcut` (null: none; 'input': its
 * input; else a convolution of that), then `activation`.
 */
export async function network() {
  return CHOSEN.build(reader(await tensors()));
}

/** The photo, normalised: [SIDE, SIDE, 3]. */
export async function input() {
  const photo = await createImageBitmap(await (await fetch('/photo')).blob(), { colorSpaceConversion: 'none' });
  if (photo.width !== SIDE || photo.height !== SIDE) throw new Error(`the photo is ${photo.width}×${photo.height}`);
  const canvas = new OffscreenCanvas(SIDE, SIDE).getContext('2d');
  canvas.drawImage(photo, 0, 0);
  const { data } = canvas.getImageData(0, 0, SIDE, SIDE);
  return Float32Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (data[Math.floor(i / 3) * 4 + i % 3] - CHOSEN.mean[i % 3]) / CHOSEN.std[i % 3]);
}

/** { class, probability } of the likeliest class, and all logits: what run.mjs compares, so that nobody is fast by being wrong. */
export function best(logits) {
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, v) => sum + Math.exp(v - largest), 0);
  return { class: logits.indexOf(largest), probability: 1 / total, logits };
}

/**
 * Hands the tasks to run.mjs: it calls `task(name, count)`, then `answer()`. `prepared`: milliseconds for reading and folding the network and
 * writing it anew, which a page that is deployed with a file of its own kind would not spend.
 */
export function ready(version, prepared, tasks) {
  let logits;
  window.task = async (name, count) => {
    for (let i = 0; i < count; i++) logits = await tasks[name]() ?? logits;
  };
  window.answer = () => best(Array.from(logits));
  window.ready = { version, prepared };
}

addEventListener('unhandledrejection', event => { window.ready = { error: String(event.reason?.stack ?? event.reason) }; });
