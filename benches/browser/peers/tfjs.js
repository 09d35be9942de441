// TensorFlow.js, webgpu backend.
import '@tensorflow/tfjs-backend-webgpu';
import { run } from './tfjs-session.js';

await run('webgpu');
