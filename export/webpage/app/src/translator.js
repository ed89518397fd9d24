/** The worker's calls as promises: translator.open(wasm, url), and so on. */

const worker = new Worker(new URL('./worker.js', import.meta.url));
const waiting = new Map();
let last = 0;

worker.onmessage = ({ data: { id, value, error } }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) resolve(value);
  else reject(new Error(error));
};

worker.onerror = ({ message }) => {
  for (const { reject } of waiting.values()) reject(new Error(message ?? 'worker not loaded'));
  waiting.clear();
};

const call =
  (name) =>
  (...values) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ id: last, call: name, values });
    });

export const translator = {
  open: call('open'),
  encodeStyle: call('encodeStyle'),
  translate: call('translate'),
};
