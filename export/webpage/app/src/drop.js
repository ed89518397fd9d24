/** A place for one image file: dropped, chosen or taken with the camera. */

/** section: with .drop, .chosen and file inputs. taken(file): is called with each. */
export function acceptFiles(section, taken) {
  const area = section.querySelector('.drop');
  for (const input of section.querySelectorAll('input[type=file]')) {
    input.addEventListener('change', () => {
      if (input.files.length) taken(input.files[0]);
      input.value = ''; // so that the same file can be chosen again
    });
  }
  const over = (event) => {
    event.preventDefault();
    area.classList.toggle('over', event.type === 'dragover');
  };
  for (const name of ['dragover', 'dragleave', 'drop']) section.addEventListener(name, over);
  section.addEventListener('drop', ({ dataTransfer }) => {
    if (dataTransfer.files.length) taken(dataTransfer.files[0]);
  });
}

/** Shows the image of a URL as the chosen one; none: nothing is chosen. */
export function showChosen(section, url, description) {
  const image = section.querySelector('.chosen');
  if (image.src.startsWith('blob:')) URL.revokeObjectURL(image.src);
  image.hidden = !url;
  section.querySelector('.hint').hidden = Boolean(url);
  if (url) image.src = url;
  else image.removeAttribute('src');
  image.alt = url ? description : '';
}

/** A file that misses its place must not replace the page. */
export function ignoreOtherDrops() {
  for (const name of ['dragover', 'drop']) {
    window.addEventListener(name, (event) => event.preventDefault());
  }
}
