// « Tout cocher » above the ticks of a list; without it they are ticked one by one.
"use strict";

const all = document.getElementById("action-toggle");
if (all) {
  const ticks = document.querySelectorAll("input.action-select");
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
  });
}
