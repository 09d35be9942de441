// The network from TensorFlow.js' fastest public operations.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { input, network, ready, SIDE } from './network.js';

/** `backend` is imported by who calls. */
export async function run(backend) {
  await tf.setBackend(backend);
  await tf.ready();
  if (tf.getBackend() !== backend) throw new Error(`TensorFlow.js fell back to ${tf.getBackend()}`);

  const started = performance.now();
  const net = await network();
  const prepared = performance.now() - started;
  const convs = new Map();
  for (const conv of [net.stem, ...net.blocks.flatMap(({ convs, shortcut }) => [...convs, shortcut]), net.head]) {
    if (!conv?.weight) continue;
    // A depthwise filter is [ksize, ksize, c_in, 1], another [ksize, ksize, c_in, c_out].
    const filter = tf.tidy(() => tf.transpose(tf.tensor4d(conv.weight, conv.shape), conv.groups > 1 ? [2, 3, 0, 1] : [2, 3, 1, 0]));
    convs.set(conv, { filter, bias: tf.tensor1d(conv.bias), pad: conv.same ? 'same' : conv.pads[0], depthwise: conv.groups > 1 });
  }
  const fcWeight = tf.tidy(() => tf.transpose(tf.tensor2d(net.fc.weight, net.fc.shape)));
  const fcBias = tf.tensor1d(net.fc.bias);
  const x = tf.tensor4d(await input(), [1, SIDE, SIDE, 3]);

  // Fused is the faster forward. Its registered gradient also computes the filter's gradient, which nobody asked for, so a
  // user who knows differentiates the plain operations.
  const activate = { relu: tf.relu, relu6: tf.relu6, linear: y => y };
  const fused = (h, conv) => {
    const { filter, bias, pad, depthwise } = convs.get(conv);
    const { stride, activation } = conv;
    return (depthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d)({ x: h, filter, bias, strides: stride, pad, activation });
  };
  const plain = (h, conv) => {
    const { filter, bias, pad, depthwise } = convs.get(conv);
    const y = (depthwise ? tf.depthwiseConv2d : tf.conv2d)(h, filter, conv.stride, pad);
    return activate[conv.activation](tf.add(y, bias));
  };
  const features = (h, conv) => {
    h = conv(h, net.stem);
    if (net.pool) h = tf.maxPool(h, 3, 2, 1);
    for (const { convs, shortcut, activation } of net.blocks) {
      const y = convs.reduce(conv, h);
      h = shortcut ? activate[activation](tf.add(y, shortcut === 'input' ? h : conv(h, shortcut))) : y;
    }
    return net.head ? conv(h, net.head) : h;
  };
  const classify = a => tf.add(tf.matMul(tf.mean(a, [1, 2]), fcWeight), fcBias);
  const logit = (logits, klass) => tf.sum(tf.slice(logits, [0, klass], [1, 1]));

  let klass; // the likeliest, known after the first forward
  const read = async tensor => {
    const values = await tensor.data();
    tensor.dispose();
    return values;
  };
  ready(tf.version_core, prepared, {
    forward: async () => {
      const logits = await read(tf.tidy(() => classify(features(x, fused))));
      klass = logits.indexOf(Math.max(...logits));
      return logits;
    },
    gradcam: async () => {
      const [logits, cam] = tf.tidy(() => {
        const a = features(x, fused);
        const weights = tf.mean(tf.grad(a => logit(classify(a), klass))(a), [1, 2], true);
        const cam = tf.relu(tf.sum(tf.mul(a, weights), 3));
        const scaled = tf.div(tf.sub(cam, tf.min(cam)), tf.add(tf.sub(tf.max(cam), tf.min(cam)), 1e-7));
        return [classify(a), tf.image.resizeBilinear(tf.expandDims(scaled, 3), [SIDE, SIDE], false, true)];
      });
      return (await Promise.all([read(logits), read(cam)]))[0];
    },
    backward: async () => {
      await read(tf.tidy(() => tf.grad(x => logit(classify(features(x, plain)), klass))(x)));
    },
  });
}
