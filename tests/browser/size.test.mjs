// How large the page is: what a visitor fetches before a model, compressed as a good host does it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import zlib from 'node:zlib';
import { DIST } from './support.mjs';

// A guard against surprises, a dependency that drags in another, say: beside a model of 9 MB the page's own size is small. The aim is
// 900 kB; benches/README.md says what took the page beyond it and what would bring it back.
const MOST = 1_000_000;

it('wasm, scripts, styles and page stay below a megabyte in brotli', t => {
  const sizes = fs.readdirSync(DIST).filter(name => /\.(wasm|js|css|html|svg|webmanifest)$/.test(name)).map(name => {
    const bytes = fs.readFileSync(path.join(DIST, name));
    return [name, zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }).length];
  });
  assert.ok(sizes.some(([name]) => name.endsWith('.wasm')), 'there is a program');
  sizes.forEach(([name, size]) => t.diagnostic(`${name}: ${size}`));
  const total = sizes.reduce((sum, [, size]) => sum + size, 0);
  t.diagnostic(`together: ${total}`);
  assert.ok(total <= MOST, `${total} bytes (scripts/serve installs what makes them small: wasm-opt and esbuild)`);
});
