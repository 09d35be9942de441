// TensorFlow.js, webgpu backend: ResNet-50 from its fastest public operations.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import '@tensorflow/tfjs-backend-webgpu';
import { input, network, ready, SIDE } from './network.js';

await tf.setBackend('webgpu');
await tf.ready();
if (tf.getBackend() !== 'webgpu') throw new Error(`TensorFlow.js fell back to ${tf.getBackend()}`);

const net = await network();
const convs = new Map();
for (const conv of [net.stem, ...net.blocks.flatMap(block => [...block.convs, block.downsample].filter(Boolean))]) {
  const filter = tf.tidy(() => tf.transpose(tf.tensor4d(conv.weight, [conv.cOut, conv.cIn, conv.ksize, conv.ksize]), [2, 3, 1, 0]));
  convs.set(conv, { filter, bias: tf.tensor1d(conv.bias) });
}
const fcWeight = tf.tidy(() => tf.transpose(tf.tensor2d(net.fc.weight, [1000, 2048])));
const fcBias = tf.tensor1d(net.fc.bias);
const x = tf.tensor4d(await input(), [1, SIDE, SIDE, 3]);

// Fused is the faster forward. Its registered gradient also computes the filter's gradient, which nobody asked for, so a
// user who knows differentiates the plain operations.
const fused = (h, conv, relu) => {
  const { filter, bias } = convs.get(conv);
  return tf.fused.conv2d({ x: h, filter, bias, strides: conv.stride, pad: conv.padding, activation: relu ? 'relu' : 'linear' });
};
const plain = (h, conv, relu) => {
  const { filter, bias } = convs.get(conv);
  const y = tf.add(tf.conv2d(h, filter, conv.stride, conv.padding), bias);
  return relu ? tf.relu(y) : y;
};
const features = (h, conv) => {
  h = tf.maxPool(conv(h, net.stem, true), 3, 2, 1);
  for (const { convs: [first, second, third], downsample } of net.blocks) {
    const y = conv(conv(conv(h, first, true), second, true), third, false);
    h = tf.relu(tf.add(y, downsample ? conv(h, downsample, false) : h));
  }
  return h;
};
const head = a => tf.add(tf.matMul(tf.mean(a, [1, 2]), fcWeight), fcBias);
const logit = (logits, klass) => tf.sum(tf.slice(logits, [0, klass], [1, 1]));

let klass; // the likeliest, known after the first forward
const read = async tensor => {
  const values = await tensor.data();
  tensor.dispose();
  return values;
};
ready(tf.version_core, {
  forward: async () => {
    const logits = await read(tf.tidy(() => head(features(x, fused))));
    klass = logits.indexOf(Math.max(...logits));
    return logits;
  },
  gradcam: async () => {
    const [logits, cam] = tf.tidy(() => {
      const a = features(x, fused);
      const weights = tf.mean(tf.grad(a => logit(head(a), klass))(a), [1, 2], true);
      const cam = tf.relu(tf.sum(tf.mul(a, weights), 3));
      const scaled = tf.div(tf.sub(cam, tf.min(cam)), tf.add(tf.sub(tf.max(cam), tf.min(cam)), 1e-7));
      return [head(a), tf.image.resizeBilinear(tf.expandDims(scaled, 3), [SIDE, SIDE], false, true)];
    });
    return (await Promise.all([read(logits), read(cam)]))[0];
  },
  backward: async () => {
    await read(tf.tidy(() => tf.grad(x => logit(head(features(x, plain)), klass))(x)));
  },
});
