// Writes the network as an ONNX file in memory: protobuf by hand, fields as numbered in onnx.proto.

const text = new TextEncoder();

/** A message: fields [number, value], where a value is an integer, a string, bytes or a message; undefined is left out. */
function message(...fields) {
  const parts = [];
  let length = 0;
  const push = bytes => { parts.push(bytes); length += bytes.length; };
  for (const [number, value] of fields) {
    if (value === undefined) continue;
    if (typeof value === 'number') {
      push(varint(number << 3));
      push(varint(value));
      continue;
    }
    const content = typeof value === 'string' ? { parts: [text.encode(value)] } : value instanceof Uint8Array ? { parts: [value] } : value;
    push(varint(number << 3 | 2));
    push(varint(content.parts.reduce((sum, part) => sum + part.length, 0)));
    content.parts.forEach(push);
  }
  return { parts, length };
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 | 128);
  return Uint8Array.from([...bytes, value]);
}

const repeated = (number, values) => values.map(value => [number, value]);
const FLOAT = 1, INT = 2, INTS = 7; // TensorProto.FLOAT, AttributeProto.INT and INTS

const attribute = (name, value) => Array.isArray(value)
  ? message([1, name], ...repeated(8, value), [20, INTS])
  : message([1, name], [3, value], [20, INT]);
const node = (type, inputs, output, attributes = {}) => message(
  ...repeated(1, inputs), [2, output], [3, output], [4, type], ...repeated(5, Object.entries(attributes).map(entry => attribute(...entry))));
const initializer = (name, dims, values) => message(
  ...repeated(1, dims), [2, FLOAT], [8, name], [9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]);
const value = (name, dims) => message(
  [1, name], [2, message([1, message([1, FLOAT], [2, message(...repeated(1, dims.map(dim => message([1, dim]))))])])]);

/** Bytes of a model from `x` [1, 3, side, side] to `logits` [1, classes]. */
export function onnx({ stem, pool, blocks, head, fc }, side) {
  const nodes = [], initializers = [];
  const add = (type, inputs, output, attributes) => { nodes.push(node(type, inputs, output, attributes)); return output; };
  const constant = (name, dims, values) => { initializers.push(initializer(name, dims, values)); return name; };
  if (stem.activation === 'relu6') [['zero', 0], ['six', 6]].forEach(([name, value]) => constant(name, [], Float32Array.of(value)));
  const activate = {
    relu: y => add('Relu', [y], `${y}.relu`),
    relu6: y => add('Clip', [y, 'zero', 'six'], `${y}.relu6`),
    linear: y => y,
  };
  const conv = (x, { name, shape, ksize, stride, groups, pads: [before, after], activation, weight, bias }) => {
    const inputs = [x, constant(`${name}.weight`, shape, weight), constant(`${name}.bias`, [shape[0]], bias)];
    return activate[activation](add('Conv', inputs, name,
      { kernel_shape: [ksize, ksize], strides: [stride, stride], pads: [before, before, after, after], group: groups }));
  };
  let h = conv('x', stem);
  if (pool) h = add('MaxPool', [h], 'pool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  blocks.forEach(({ convs, shortcut, activation }, i) => {
    const y = convs.reduce(conv, h);
    h = shortcut ? activate[activation](add('Add', [y, shortcut === 'input' ? h : conv(h, shortcut)], `block${i}`)) : y;
  });
  if (head) h = conv(h, head);
  const [classes] = fc.shape;
  const inputs = [add('Flatten', [add('GlobalAveragePool', [h], 'mean')], 'flat'), constant('fc.weight', fc.shape, fc.weight), constant('fc.bias', [classes], fc.bias)];
  add('Gemm', inputs, 'logits', { transB: 1 });
  const graph = message(...repeated(1, nodes), [2, 'network'], ...repeated(5, initializers),
    [11, value('x', [1, 3, side, side])], [12, value('logits', [1, classes])]);
  const model = message([1, 9], [7, graph], [8, message([1, ''], [2, 17])]); // ir_version 9, opset 17
  const bytes = new Uint8Array(model.length);
  let at = 0;
  for (const part of model.parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
