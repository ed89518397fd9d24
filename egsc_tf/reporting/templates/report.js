"use strict";
for (const slider of document.querySelectorAll(".slider")) {
  const input = slider.querySelector("input");
  const output = slider.querySelector("output");
  const frames = slider.querySelectorAll(".frame");
  const names = slider.dataset.names.split("|");
  input.addEventListener("input", () => {
    frames.forEach((frame, i) => { frame.hidden = i !== Number(input.value); });
    output.textContent = names[input.value];
    input.setAttribute("aria-valuetext", names[input.value]);
  });
}
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
});
