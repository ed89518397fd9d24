// The page may lie under any path, and brings the runtime's WebAssembly along.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';

// For a browser without relaxed SIMD, with it, and with threads besides.
const RUNTIMES = ['litert_wasm_compat', 'litert_wasm', 'litert_wasm_threaded'];

const runtime = {
  name: 'runtime',
  generateBundle() {
    for (const file of RUNTIMES.flatMap((r) => [`${r}_internal.js`, `${r}_internal.wasm`])) {
      const source = readFileSync(`node_modules/@litertjs/core/wasm/${file}`);
      this.emitFile({ type: 'asset', fileName: `wasm/${file}`, source });
    }
  },
};

export default defineConfig({
  base: './',
  build: { modulePreload: false },
  plugins: [runtime],
  // The runtime calls importScripts, which only classic workers have.
  worker: { format: 'iife' },
});
