// « Tout cocher sur la page » without loading it again; the link does the same where this does not run.
"use strict";

for (const link of document.querySelectorAll("[data-tick-all]")) {
  const boxes = [...link.closest("form").querySelectorAll(`input[name="${link.dataset.tickAll}"]`)];
  const areAll = () => boxes.every((box) => box.checked);
  const say = () => {
    link.textContent = areAll() ? "Tout décocher" : "Tout cocher sur la page";
  };
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const checked = !areAll();
    for (const box of boxes) box.checked = checked;
    // Another link, above the list or below it, says the same.
    boxes[0]?.dispatchEvent(new Event("change"));
  });
  for (const box of boxes) box.addEventListener("change", say);
  // The browser may have kept the ticks of a page that is shown again.
  window.addEventListener("pageshow", say);
}
