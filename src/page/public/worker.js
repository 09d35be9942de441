// Keeps the page in the browser, so that it opens without a network after the first visit.
//
// scripts/after-build writes every file's digest into FILES. Each is kept under its path *and* digest: a new version fetches only
// what changed, and two versions never mix. Nobody is trapped in an old one: what has no digest in its name (index.html first of
// all) is asked of the network first, and the kept copy answers only when the network does not. Whatever is not in FILES (a
// visitor's weights, other hosts, large models) passes by as if there were no worker.
const FILES = new Map([/* FILES */]); // path → how its SHA-256 begins
const CACHE = `gradlens ${registration.scope}`;
/** After so many milliseconds a network counts as gone: a classroom's may be connected and carry nothing. */
const PATIENCE = 4000;
/** trunk's names: their content never changes. */
const HASHED = /-[0-9a-f]{12,}(_bg)?\.(js|wasm|css|svg)$/;

const key = path => new URL(`${path}?${FILES.get(path)}`, registration.scope).href;
const kept = async path => (await caches.open(CACHE)).match(key(path));

addEventListener('install', event => event.waitUntil(keep().then(() => skipWaiting())));
addEventListener('activate', event => event.waitUntil(forget().then(() => clients.claim())));

async function keep() {
  const cache = await caches.open(CACHE);
  for (const [path, digest] of FILES) {
    if (await cache.match(key(path))) continue;
    const response = await fetch(new URL(path, registration.scope), { cache: 'no-cache' });
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.clone().arrayBuffer()));
    // While a host is being updated it may serve files of two versions: then nothing is kept, and the next visit tries again.
    if (![...sum].map(byte => byte.toString(16).padStart(2, '0')).join('').startsWith(digest)) throw new Error(`${path} is of another version`);
    await cache.put(key(path), response);
  }
}

async function forget() {
  const current = new Set([...FILES.keys()].map(key));
  const cache = await caches.open(CACHE);
  for (const { url } of await cache.keys()) if (!current.has(url)) await cache.delete(url);
}

addEventListener('fetch', event => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(registration.scope)) return;
  const path = decodeURI(request.url.slice(registration.scope.length).split(/[?#]/)[0]) || 'index.html';
  if (FILES.has(path)) event.respondWith(HASHED.test(path) ? kept(path).then(copy => copy ?? fetch(request)) : newest(path, request));
});

async function newest(path, request) {
  const network = fetch(request);
  const late = new Promise(resolve => setTimeout(resolve, PATIENCE));
  const first = await Promise.race([network.catch(() => undefined), late]);
  return first?.ok ? first : (await kept(path)) ?? network;
}
