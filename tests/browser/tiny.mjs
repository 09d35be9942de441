// A deterministic, untrained ResNet small enough that a browser test takes no time: bottleneck blocks, one a stage, 16
// channels, 7 classes; written as safetensors with torchvision's names. And a photo to look at, as PNG.
import zlib from 'node:zlib';

export const CLASSES = 7;
/** Its weights are all negative: nothing ever speaks for it, and its map is blank. */
export const BLANK_CLASS = 6;
/** One of the names tries to be markup, one has no Chinese. */
export const LABELS = [
  { en: 'tabby cat', zh: '虎斑猫' },
  { en: 'teapot', zh: '茶壶' },
  { en: '<img src=x onerror="window.hacked=1">', zh: '<b>粗体</b>' },
  { en: 'violin', zh: '小提琴' },
  { en: 'sports car', zh: '跑车' },
  { en: 'sunflower' },
  { en: 'nothing', zh: '无' },
];

/** mulberry32: small, seeded, the same everywhere. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** What both networks are made of; `tensors` grows. */
function layers(seed) {
  const uniform = random(seed);
  const tensors = [];
  const add = (name, shape, value) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, value);
    tensors.push({ name, shape, bytes: Buffer.from(data.buffer) });
  };
  const conv = (name, out, into, ksize) => {
    const spread = Math.sqrt(6 / (into * ksize * ksize)); // He: keeps the size of what a ReLU lets through
    add(`${name}.weight`, [out, into, ksize, ksize], () => (2 * uniform() - 1) * spread);
  };
  const norm = (name, channels) => {
    add(`${name}.weight`, [channels], () => 0.6 + 0.4 * uniform());
    add(`${name}.bias`, [channels], () => 0.2 * (uniform() - 0.5));
    add(`${name}.running_mean`, [channels], () => 0.2 * (uniform() - 0.5));
    add(`${name}.running_var`, [channels], () => 0.8 + 0.4 * uniform());
  };
  return { uniform, tensors, add, conv, norm };
}

/** `weight`: of the last class, by a number in 0..1; such that everything speaks against it, or for it. */
export function tinyResnet(seed = 7, weight = uniform => -0.01 - 0.01 * uniform) {
  const { uniform, tensors, add, conv, norm } = layers(seed);
  const base = 16;
  conv('conv1', base, 3, 7);
  norm('bn1', base);
  let into = base;
  for (let stage = 0; stage < 4; stage++) {
    const width = base << stage;
    const name = `layer${stage + 1}.0`;
    conv(`${name}.conv1`, width, into, 1);
    norm(`${name}.bn1`, width);
    conv(`${name}.conv2`, width, width, 3);
    norm(`${name}.bn2`, width);
    conv(`${name}.conv3`, 4 * width, width, 1);
    norm(`${name}.bn3`, 4 * width);
    conv(`${name}.downsample.0`, 4 * width, into, 1);
    norm(`${name}.downsample.1`, 4 * width);
    into = 4 * width;
  }
  add('fc.weight', [CLASSES, into], (_, i) =>
    Math.floor(i / into) === BLANK_CLASS ? weight(uniform()) : 0.25 * (uniform() - 0.5));
  add('fc.bias', [CLASSES], () => 0.1 * uniform());
  return safetensors(tensors);
}

/** The same of inverted residuals, as narrow as may be: EfficientNet-Lite's kernels, one block a stage, timm's names. */
export function tinyMobilenet(seed = 7) {
  const { uniform, tensors, add, conv, norm } = layers(seed);
  conv('conv_stem', 8, 3, 3);
  norm('bn1', 8);
  let into = 8;
  for (const [stage, [ksize, channels]] of [[3, 8], [3, 8], [5, 12], [3, 16], [5, 16], [5, 24], [3, 32]].entries()) {
    const name = `blocks.${stage}.0`;
    const hidden = stage ? 6 * into : into;
    if (stage) {
      conv(`${name}.conv_pw`, hidden, into, 1);
      norm(`${name}.bn1`, hidden);
    }
    conv(`${name}.conv_dw`, hidden, 1, ksize);
    norm(`${name}.${stage ? 'bn2' : 'bn1'}`, hidden);
    conv(`${name}.${stage ? 'conv_pwl' : 'conv_pw'}`, channels, hidden, 1);
    norm(`${name}.${stage ? 'bn3' : 'bn2'}`, channels);
    into = channels;
  }
  conv('conv_head', 64, into, 1);
  norm('bn2', 64);
  add('classifier.weight', [CLASSES, 64], () => uniform() - 0.5);
  add('classifier.bias', [CLASSES], () => 0.1 * uniform());
  return safetensors(tensors);
}

/** [{ name, shape, bytes }], all F32. */
export function safetensors(tensors) {
  const header = {};
  let offset = 0;
  for (const { name, shape, bytes } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, (offset += bytes.length)] };
  }
  let text = JSON.stringify(header);
  text = text.padEnd(Math.ceil(text.length / 8) * 8);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text), ...tensors.map(tensor => tensor.bytes)]);
}

/** Reads one F32 tensor of a safetensors file. */
export function tensor(file, name) {
  const length = Number(file.readBigUInt64LE());
  const { dtype, shape, data_offsets: [from, to] } = JSON.parse(file.subarray(8, 8 + length))[name];
  if (dtype !== 'F32') throw new Error(`${name} is ${dtype}`);
  const bytes = file.subarray(8 + length + from, 8 + length + to);
  return { shape, values: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)) };
}

/** Colour fields, a disc and stripes: enough for maps that differ from place to place. */
export const photoPng = (width, height, seed = 1) => png(width, height, photoRows(width, height, seed));

/** The same as PNG has it: a zero and RGB bytes a row. */
export function photoRows(width, height, seed = 1) {
  const shift = seed * 37;
  const raw = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (1 + 3 * width) + 1 + 3 * x;
      const disc = Math.hypot(x - width * 0.65, y - height * 0.4) < height * 0.25;
      const stripe = ((x + shift) >> 3) % 4 === 0;
      raw[at] = disc ? 240 : (x * 255 / width + shift) & 255;
      raw[at + 1] = disc ? 200 : (y * 255) / height;
      raw[at + 2] = stripe ? 220 : 40;
    }
  }
  return raw;
}

/** A BMP, which the page leaves to the browser. */
export function bmp(width, height) {
  const row = (width * 3 + 3) & ~3;
  const bytes = Buffer.alloc(54 + row * height);
  bytes.write('BM');
  [bytes.length, 0, 54, 40, width, height].forEach((number, at) => bytes.writeUInt32LE(number, 2 + 4 * at));
  bytes.set([1, 0, 24, 0], 26);
  for (let at = 54; at < bytes.length; at++) bytes[at] = (at * 7) & 255;
  return bytes;
}

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind), data]);
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), 8 + data.length);
  return out;
}

const numbers = (...values) => Buffer.concat(values.map(value => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}));

/** `raw`: a zero and RGB bytes a row; `before` and `after` the picture, further chunks. */
export function png(width, height, raw, before = [], after = []) {
  const size = Buffer.concat([numbers(width, height), Buffer.from([8, 2, 0, 0, 0])]);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', size), ...before, chunk('IDAT', zlib.deflateSync(raw)), ...after, chunk('IEND', Buffer.alloc(0))]);
}

/** An animated PNG of two frames, a tenth of a second each, for ever. */
export function apng(width, height, first, second) {
  const frame = turn => chunk('fcTL', Buffer.concat([numbers(turn, width, height, 0, 0), Buffer.from([0, 1, 0, 10, 0, 0])]));
  return png(width, height, first, [chunk('acTL', numbers(2, 0)), frame(0)],
    [frame(1), chunk('fdAT', Buffer.concat([numbers(2), zlib.deflateSync(second)]))]);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return ~crc >>> 0;
}
