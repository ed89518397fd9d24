/** Runs the model, away from the page's own thread, which would stand still meanwhile.
 *
 * A message {id, call, values} is answered by {id, value} or {id, error}. */
import { loadAndCompile, loadLiteRt, supportsFeature, Tensor } from '@litertjs/core';
import { decode, toImageData } from './pixels.js';
import { resize } from './resize.js';

const MOST_THREADS = 4;
let runtime;
let model;
let size;

/** Loads the runtime, once; resolves to the number of threads. */
function start(wasm) {
  runtime ??= (async () => {
    const threads = (await supportsFeature('relaxedSimd')) && (await supportsFeature('threads'));
    self.Module = {
      // Its notices come on the way of its errors.
      printErr: (line) => (/^(INFO|WARNING):/.test(line) ? console.debug : console.error)(line),
      // In a worker the runtime's script cannot tell where it came from.
      locateFile: (file) => wasm + file,
      mainScriptUrlOrBlob: `${wasm}litert_wasm_threaded_internal.js`,
    };
    await loadLiteRt(wasm, { threads });
    return threads ? Math.min(MOST_THREADS, navigator.hardwareConcurrency) : 1;
  })();
  return runtime;
}

/** Runs a signature on arrays; resolves to its one output as an array. */
async function run(signature, inputs) {
  const tensors = {};
  for (const { name, shape, dtype } of model.signatures[signature].getInputDetails()) {
    const type = dtype === 'uint8' ? Uint8Array : Float32Array;
    tensors[name] = new Tensor(type.from(inputs[name]), shape);
  }
  const outputs = Object.values(await model.run(signature, tensors));
  const array = await outputs[0].data();
  for (const tensor of [...Object.values(tensors), ...outputs]) tensor.delete();
  return array;
}

const fit = (pixels) => resize(pixels, size.width, size.height).data;

const calls = {
  /** Makes the model of a URL the one in use; resolves to the number of threads. */
  async open(wasm, url) {
    const numThreads = await start(wasm);
    model?.delete();
    model = await loadAndCompile(url, { accelerator: 'wasm', cpuOptions: { numThreads } });
    const details = model.signatures.translate.getInputDetails();
    const [content, style] = ['content', 'style'].map((n) => details.find((d) => d.name === n));
    const [, height, width] = content.shape;
    size = { height, width };
    // The first run is slower; nobody waits for this one.
    const inputs = { content: new Uint8Array(height * width * 3), style: new Float32Array(style.shape[1]) };
    await run('translate', inputs);
    return numThreads;
  },

  /** The style code of an image file. */
  async encodeStyle(file) {
    return run('encode_style', { exemplar: fit(await decode(file)) });
  },

  /** An image file in a style: {image: ImageData of its own size, milliseconds}. */
  async translate(file, style) {
    const photo = await decode(file);
    const content = fit(photo);
    const started = performance.now();
    const data = await run('translate', { content, style });
    const milliseconds = performance.now() - started;
    // Rounds float images, too.
    const small = { data: Uint8ClampedArray.from(data), ...size };
    return { image: toImageData(resize(small, photo.width, photo.height)), milliseconds };
  },
};

// One call after another: `open` changes what the others use.
let before = Promise.resolve();
self.onmessage = ({ data: { id, call, values } }) => {
  before = before
    .then(() => calls[call](...values))
    .then(
      (value) => self.postMessage({ id, value }),
      (error) => self.postMessage({ id, error: String(error?.message ?? error) }),
    );
};
