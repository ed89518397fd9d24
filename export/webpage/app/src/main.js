/** The page: a photo and a style, and as soon as both are there, the translation. */
import { mark, showChoices } from './choices.js';
import { acceptFiles, ignoreOtherDrops, showChosen } from './drop.js';
import { check } from './image_file.js';
import { translator } from './translator.js';

const $ = (id) => document.getElementById(id);
const url = (path) => new URL(path, document.baseURI).href;
const canvas = document.querySelector('canvas');

let site; // what egsc_tf.export.web wrote: manifest.json
let threads; // of the model in use; none: it is being loaded
let photo; // {file, name}
let style; // numbers

// Work on the same thing overtakes: only what was asked for last is shown.
const turns = { direction: 0, photo: 0, style: 0, result: 0 };
function turn(thing) {
  const mine = ++turns[thing];
  return () => mine === turns[thing];
}

function tell(trouble = '') {
  $('trouble').textContent = trouble;
  $('trouble').hidden = !trouble;
}

/** What is done for the user, with its failure told. */
const told =
  (work) =>
  async (...values) => {
    tell();
    try {
      await work(...values);
    } catch (error) {
      // Whatever was going on has ended.
      if ($('status').textContent.endsWith('…')) $('status').textContent = '';
      tell(error.message);
    }
  };

async function translate() {
  const last = turn('result');
  if (!photo || !style || !threads) {
    showNothing();
    return;
  }
  const { file, name } = photo;
  $('status').textContent = 'Translating …';
  const { image, milliseconds } = await translator.translate(file, style);
  if (!last()) return;
  Object.assign(canvas, { width: image.width, height: image.height, hidden: false });
  canvas.getContext('2d').putImageData(image, 0, 0);
  canvas.setAttribute('aria-label', `${name}, translated`);
  const time = milliseconds.toFixed(milliseconds < 100 ? 1 : 0);
  const by = threads > 1 ? `${threads} threads` : 'one thread';
  $('status').textContent = `Translated in ${time} ms, by ${by}.`;
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!last()) return;
  URL.revokeObjectURL($('download').href);
  Object.assign($('download'), {
    href: URL.createObjectURL(blob),
    download: `${name.replace(/\.[^.]*$/, '')}_translated.png`,
    hidden: false,
  });
  $('result').scrollIntoView({ block: 'nearest' });
}

function showNothing() {
  canvas.hidden = $('download').hidden = true;
  if (threads) $('status').textContent = `Choose a ${photo ? 'picture' : style ? 'photo' : 'photo and a picture'}.`;
}

const takePhoto = told(async (file) => {
  const last = turn('photo');
  const shown = await check(file);
  if (!last()) return;
  showChosen($('photo'), shown, `Your photo ${file.name}`);
  mark($('samples'));
  photo = { file, name: file.name };
  await translate();
});

const takeExemplar = told(async (file) => {
  const last = turn('style');
  const shown = await check(file);
  const code = await translator.encodeStyle(file);
  if (!last()) return;
  showChosen($('exemplar'), shown, `Your picture ${file.name}`);
  mark($('styles'));
  style = code;
  await translate();
});

const useSample = told(async (path, description) => {
  const last = turn('photo');
  const file = await (await fetch(path)).blob();
  if (!last()) return;
  showChosen($('photo'), path, description);
  photo = { file, name: path.split('/').pop() };
  await translate();
});

const useStyle = told(async (stored, description) => {
  turn('style');
  showChosen($('exemplar'), stored.thumbnail, description);
  style = stored.style;
  await translate();
});

const useDirection = told(async (name) => {
  const [last] = Object.keys(turns).map(turn);
  threads = photo = style = undefined;
  for (const id of ['photo', 'exemplar']) showChosen($(id));
  showNothing();
  $('status').textContent = 'Loading the model …';
  const { model, samples, styles } = site.directions[name];
  const [opened, stored] = await Promise.all([
    translator.open(url('wasm/'), url(model)),
    fetch(styles).then((response) => response.json()),
  ]);
  if (!last()) return;
  threads = opened;
  const photos = samples.map((image, i) => ({ image, label: `Sample photo ${i + 1}` }));
  showChoices($('samples'), photos, (i) => useSample(samples[i], photos[i].label));
  const pictures = stored.map((one) => ({ image: one.thumbnail, label: `Style ${one.name}` }));
  showChoices($('styles'), pictures, (i) => useStyle(stored[i], pictures[i].label));
  await translate();
});

function describe() {
  document.title = $('name').textContent = site.name;
  for (const text of site.about) {
    $('about').append(Object.assign(document.createElement('p'), { textContent: text }));
  }
  for (const [name, value] of Object.entries(site.scores)) {
    $('scores').hidden = false;
    const row = $('scores').insertRow();
    row.insertCell().textContent = name;
    row.insertCell().textContent = value.toFixed(3);
  }
  const directions = Object.keys(site.directions);
  if (directions.length > 1) {
    const labels = directions.map((name) => ({ label: site.directions[name].label }));
    showChoices($('directions'), labels, (i) => useDirection(directions[i]));
    mark($('directions'), 0);
  }
  return directions[0];
}

async function main() {
  if (typeof WebAssembly !== 'object') {
    throw new Error('This browser has no WebAssembly, in which the model runs. A newer one will do.');
  }
  site = await (await fetch('manifest.json')).json();
  ignoreOtherDrops();
  acceptFiles($('photo'), takePhoto);
  acceptFiles($('exemplar'), takeExemplar);
  await useDirection(describe());
  // Keeps the page for use without a network. Not there where a page is served by http.
  await navigator.serviceWorker?.register('service_worker.js');
}

told(main)();
