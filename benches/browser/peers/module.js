// Our own engine without its page: the ES module on the processor. Like the peers it paints nothing; unlike them it makes the input from
// the photo each time.
import { preprocessing, ready, weights } from './network.js';

const MODULE = '/pkg/gradlens.js';
const { default: initialise, Explainer } = await import(MODULE);
await initialise();
const explainer = Explainer.onProcessor();
await explainer.load(await weights(), JSON.stringify(preprocessing));
const photo = new Uint8Array(await (await fetch('/photo')).arrayBuffer());

const forward = async () => {
  const prediction = await explainer.predict(photo, 'whole');
  const { logits } = prediction;
  prediction.free();
  return logits;
};
ready('without the page', 0, {
  forward,
  gradcam: async () => {
    const logits = await forward();
    (await explainer.explain(undefined, 'last', 'grad-cam')).free();
    return logits;
  },
});
