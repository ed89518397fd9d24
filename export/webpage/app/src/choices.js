/** Radio buttons, which keyboards and screen readers know how to use. */

/** Fills a fieldset; choices: [{label, image}], image (a URL) or no. chosen(index). */
export function showChoices(fieldset, choices, chosen) {
  fieldset.querySelectorAll('label').forEach((label) => label.remove());
  fieldset.hidden = choices.length < 1;
  choices.forEach(({ label, image }, index) => {
    const element = document.createElement('label');
    const input = Object.assign(document.createElement('input'), {
      type: 'radio',
      name: fieldset.id,
    });
    input.addEventListener('change', () => chosen(index));
    const face = image
      ? Object.assign(document.createElement('img'), { src: image, alt: label, title: label })
      : Object.assign(document.createElement('span'), { textContent: label });
    element.append(input, face);
    fieldset.append(element);
  });
}

/** Marks the choice of an index; without one, none. */
export function mark(fieldset, index) {
  fieldset.querySelectorAll('input').forEach((input, i) => (input.checked = i === index));
}
