/** Which files are taken as images. */

// As egsc_tf.export.run_tflite.
const SMALLEST_SIDE = 8;
// Phones have no larger canvas.
const MOST_PIXELS = 2 ** 24;

/** Resolves to the URL of an image file that can be shown; rejects with what to tell. */
export async function check(file) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try {
    // Without the pixels: only the header is needed.
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = () => reject(new Error('this browser cannot read it as an image'));
    });
    const { naturalWidth: width, naturalHeight: height } = image;
    if (Math.min(width, height) < SMALLEST_SIDE) {
      throw new Error(`${width}×${height} pixels are too few, ${SMALLEST_SIDE}×${SMALLEST_SIDE} the least`);
    }
    if (width * height > MOST_PIXELS) {
      const millions = (pixels) => (pixels / 1e6).toFixed(1);
      throw new Error(
        `${width}×${height} pixels are ${millions(width * height)} million, and ${millions(MOST_PIXELS)} the most`,
      );
    }
    return url;
  } catch (error) {
    URL.revokeObjectURL(url);
    throw new Error(`${file.name}: ${error.message}.`);
  }
}
