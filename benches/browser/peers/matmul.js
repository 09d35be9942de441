// What plain WGSL matrix products reach on this adapter: the yardstick for our convolutions. Three kernels that were the best
// of some thirty on software adapters, each on the product that a convolution of a ResNet-50 amounts to.

export const SHAPES = { // rows (positions), depth (taps x c_in), columns (c_out)
  'layer1 3×3': [3136, 576, 64],
  'layer3 1×1': [196, 1024, 256],
  'layer4 3×3': [49, 4608, 512],
};

const times = count => [...Array(count).keys()];
const lines = (count, line) => times(count).map(line).join('\n');
const fma = (i, j) => `s${i}_${j} = fma(vec4f(a${i}.w), b3_${j}, fma(vec4f(a${i}.z), b2_${j}, fma(vec4f(a${i}.y), b1_${j}, fma(vec4f(a${i}.x), b0_${j}, s${i}_${j}))));`;

/** One invocation owns `rows` rows and `cols` vec4 of columns; `how` says where a vec4 of A and of B come from. */
const kernel = ([m, k, n], { rows, cols, wx, wy }, { head = '', bindings, builtins = '', a, b }) => ({
  workgroups: [Math.ceil(n / 4 / cols / wx), Math.ceil(m / rows / wy)],
  code: `${head} ${bindings}
@group(0) @binding(2) var<storage, read_write> C: array<vec4f>;
@compute @workgroup_size(${wx}, ${wy}) fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u${builtins}) {
  let column = group.x * ${wx * cols}u + local.x;
  let row = (group.y * ${wy}u + local.y) * ${rows}u;
  ${lines(rows, i => lines(cols, j => `var s${i}_${j} = vec4f(0);`))}
  ${lines(rows, i => `let r${i} = min(row + ${i}u, ${m - 1}u);`)}
  for (var k4 = 0u; k4 < ${k / 4}u; k4++) {
    ${a(rows, k)}
    ${lines(4, q => lines(cols, j => `let b${q}_${j} = ${b(`k4 * 4u + ${q}u`, `column + ${j * wx}u`, n)};`))}
    ${lines(rows, i => lines(cols, j => fma(i, j)))}
  }
  ${lines(rows, i => `if (row + ${i}u < ${m}u) { ${lines(cols, j => `C[(row + ${i}u) * ${n / 4}u + column + ${j * wx}u] = s${i}_${j};`)} }`)}
}`,
});
const buffers = `@group(0) @binding(0) var<storage, read> A: array<vec4f>; @group(0) @binding(1) var<storage, read> B: array<vec4f>;`;
const fromBuffer = (k, column, n) => `B[(${k}) * ${n / 4}u + ${column}]`;

const KERNELS = {
  'registers 8×2': { tile: { rows: 8, cols: 2, wx: 8, wy: 8 }, how: {
    bindings: buffers, b: fromBuffer, a: (rows, k) => lines(rows, i => `let a${i} = A[r${i} * ${k / 4}u + k4];`) } },
  // Lanes of a subgroup of 4 fetch one row each of four and tell each other.
  'subgroups 12×2': { feature: 'subgroups', tile: { rows: 12, cols: 2, wx: 8, wy: 1 }, how: {
    head: 'enable subgroups;', bindings: buffers, builtins: ', @builtin(subgroup_invocation_id) lane: u32', b: fromBuffer,
    a: (rows, k) => lines(rows / 4, i => `let f${i} = A[min(row + ${4 * i}u + lane, ROWS - 1u) * ${k / 4}u + k4];`)
      + lines(rows, i => `let a${i} = subgroupBroadcast(f${i >> 2}, ${i % 4}u);`) } },
  'textures 14×2': { textures: true, tile: { rows: 14, cols: 2, wx: 8, wy: 1 }, how: {
    bindings: '@group(0) @binding(0) var A: texture_2d<f32>; @group(0) @binding(1) var B: texture_2d<f32>;',
    b: (k, column) => `textureLoad(B, vec2u(${column}, ${k}), 0)`, a: rows => lines(rows, i => `let a${i} = textureLoad(A, vec2u(k4, r${i}), 0);`) } },
};

const adapter = await navigator.gpu.requestAdapter();
const device = await adapter.requestDevice({ requiredFeatures: ['subgroups'].filter(name => adapter.features.has(name)) });
device.addEventListener('uncapturederror', event => { window.broken = event.error.message; });

/** Prepares a product: null where the adapter cannot, else how often `run` repeats it and the largest error found. */
window.prepare = async (name, shape, milliseconds) => {
  const { feature, textures, tile, how } = KERNELS[name];
  const [m, k, n] = shape;
  if (feature && !device.features.has(feature) || feature === 'subgroups' && adapter.info.subgroupMinSize !== 4) return null;
  if (n / 4 % (tile.cols * tile.wx)) return null;
  const { workgroups, code } = kernel(shape, tile, how);
  const module = device.createShaderModule({ code: code.replaceAll('ROWS', `${m}u`) });
  let seed = 1;
  const random = () => (seed = (seed * 1664525 + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  const [a, b] = [Float32Array.from({ length: m * k }, random), Float32Array.from({ length: k * n }, random)];
  const operand = (values, width, height) => {
    if (!textures) {
      const buffer = device.createBuffer({ size: values.byteLength, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
      device.queue.writeBuffer(buffer, 0, values);
      return { buffer };
    }
    const texture = device.createTexture({ size: [width, height], format: 'rgba32float', usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST });
    device.queue.writeTexture({ texture }, values, { bytesPerRow: width * 16 }, [width, height]);
    return texture.createView();
  };
  const c = device.createBuffer({ size: m * n * 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
  const result = device.createBuffer({ size: m * n * 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const kind = textures ? { texture: { sampleType: 'unfilterable-float' } } : { buffer: { type: 'read-only-storage' } };
  const layout = device.createBindGroupLayout({ entries: [0, 1, 2].map(binding => ({
    binding, visibility: GPUShaderStage.COMPUTE, ...(binding < 2 ? kind : { buffer: { type: 'storage' } }) })) });
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }), compute: { module, entryPoint: 'main' } });
  const resources = [operand(a, k / 4, m), operand(b, n / 4, k), { buffer: c }];
  const group = device.createBindGroup({ layout, entries: resources.map((resource, binding) => ({ binding, resource })) });
  const submit = async count => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < count; i++) pass.dispatchWorkgroups(...workgroups);
    pass.end();
    encoder.copyBufferToBuffer(c, 0, result, 0, m * n * 4);
    device.queue.submit([encoder.finish()]);
    await result.mapAsync(GPUMapMode.READ);
    const found = new Float32Array(result.getMappedRange().slice(0));
    result.unmap();
    return found;
  };
  const found = await submit(1);
  // Growing until it takes long enough: a browser may look for a result every 100 ms only.
  let count = 1;
  for (let taken = 0; taken < milliseconds; count *= 2) {
    const started = performance.now();
    await submit(count);
    taken = performance.now() - started;
  }
  let error = 0;
  for (let sample = 0; sample < 64; sample++) {
    const i = sample * 7919 % m, j = sample * 104729 % n;
    let sum = 0;
    for (let q = 0; q < k; q++) sum += a[i * k + q] * b[q * n + j];
    error = Math.max(error, Math.abs(sum - found[i * n + j]));
  }
  window.run = () => submit(count).then(() => window.broken);
  return { count, error };
};

window.ready = { version: 'WGSL', kernels: Object.keys(KERNELS), shapes: SHAPES };
