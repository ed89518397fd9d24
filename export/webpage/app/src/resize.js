/** Antialiased bicubic resizing, as Pillow does it: the filter of training and of
 * egsc_tf.export.run_tflite. A canvas would use a filter of the browser's own. */

const SUPPORT = 2;
const A = -0.5;

function cubic(x) {
  x = Math.abs(x);
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  if (x < SUPPORT) return (((x - 5) * x + 8) * x - 4) * A;
  return 0;
}

/** For each output pixel of a line: which input pixels it is made of, and their shares. */
function shares(from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - SUPPORT * reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + SUPPORT * reach + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, k) =>
      cubic((first + k - centre + 0.5) / reach),
    );
    const sum = weights.reduce((a, b) => a + b);
    return { first, weights: weights.map((w) => w / sum) };
  });
}

/** One axis. `step` lies between neighbours along it, `lines` are where its lines start:
 * pairs of a place in the input and one in the output. */
function alongLines(data, to, step, lines, size) {
  // Rounded and clamped on the way in, to 8 bits after each axis.
  const out = new Uint8ClampedArray(size);
  for (const [at, target] of lines) {
    to.forEach(({ first, weights }, i) => {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        let place = at + first * step + channel;
        for (const weight of weights) {
          sum += weight * data[place];
          place += step;
        }
        out[target + i * step + channel] = sum;
      }
    });
  }
  return out;
}

const count = (length, make) => Array.from({ length }, (_, i) => make(i));

/** {data: RGB bytes in rows, width, height} -> the same at another size. */
export function resize({ data, width, height }, toWidth, toHeight) {
  if (width !== toWidth) {
    const rows = count(height, (y) => [y * width * 3, y * toWidth * 3]);
    data = alongLines(data, shares(width, toWidth), 3, rows, height * toWidth * 3);
  }
  if (height !== toHeight) {
    const columns = count(toWidth, (x) => [x * 3, x * 3]);
    data = alongLines(data, shares(height, toHeight), toWidth * 3, columns, toHeight * toWidth * 3);
  }
  return { data, width: toWidth, height: toHeight };
}
