// TensorFlow.js on the processor: its SIMD build, one thread, as any page without special headers has, and as ours.
// It has no gradient of depthwise convolutions.
import { env } from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { run } from './tfjs-session.js';

setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
if (!await env().getAsync('WASM_HAS_SIMD_SUPPORT')) throw new Error('this browser has no SIMD');
await run('wasm');
