// Comfort for « Créer un compte »: look-ups and captcha without reloading the page.
// Every button below also works by itself, as a plain submit.
"use strict";

const form = document.querySelector("[data-registration]");
const announcer = form.querySelector("[data-announce]");
const captchaBlock = form.querySelector("[data-captcha-block]");
let lastLookUp = "";

async function askServer(url, button) {
  const data = new FormData(form);
  if (button) data.set(button, "1");
  const response = await fetch(url, { method: "POST", body: data });
  if (!response.ok) throw new Error(response.statusText);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function replace(answer, ...selectors) {
  for (const selector of selectors) {
    document.querySelector(selector).replaceChildren(...answer.querySelector(selector).childNodes);
  }
}

// The field stays, with its focus and what is typed meanwhile; what is said of it changes.
function judgeIdentifier(answer) {
  const [field, judged] = [form, answer].map((page) => page.querySelector("[data-identifier-field] .field"));
  const [input, model] = [field, judged].map((place) => place.querySelector("input"));
  field.className = judged.className;
  for (const name of ["aria-invalid", "aria-describedby"]) {
    if (model.hasAttribute(name)) input.setAttribute(name, model.getAttribute(name));
    else input.removeAttribute(name);
  }
  while (input.nextSibling) input.nextSibling.remove();
  while (model.nextSibling) field.append(model.nextSibling);
}

async function findStructure(button) {
  const wanted = form.elements.identifier_type.value + form.elements.identifier.value.trim();
  if (wanted === lastLookUp) return;
  lastLookUp = wanted;
  announcer.textContent = "Recherche de la structure…";
  try {
    const answer = await askServer(form.dataset.structureUrl, button);
    judgeIdentifier(answer);
    replace(answer, "[data-structure-block]", "[data-scope-block]", "[data-progress]");
    const said = form.querySelector("[data-announcement]");
    announcer.textContent = said ? said.textContent.replace(/\s+/g, " ").trim() : "";
  } catch {
    lastLookUp = "";
    announcer.textContent = "La recherche n'a pas abouti. Utilisez le bouton « Rechercher la structure ».";
  }
}

form.querySelector("[data-find-structure]").addEventListener("click", (event) => {
  event.preventDefault();
  lastLookUp = "";
  findStructure();
});
form.querySelector("[data-structure-block]").addEventListener("click", (event) => {
  if (!event.target.closest("[data-other-structure]")) return;
  event.preventDefault();
  form.elements.identifier.value = "";
  form.elements.identifier.focus();
  findStructure();
});
form.elements.identifier.addEventListener("change", () => findStructure());
form.elements.identifier.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  findStructure();
});
form.elements.identifier_type.addEventListener("change", () => findStructure());

// « Où vous en êtes » follows the choice of a level, and a captcha that is right.
function mark(block, state, words) {
  const line = document.querySelector(`.progress a[href="#${block}"]`);
  if (!line) return;
  line.parentElement.className = state;
  const note = line.querySelector(".hint");
  if (note && words) note.textContent = words;
}
form.addEventListener("change", (event) => {
  if (!["scope", "services"].includes(event.target.name)) return;
  const ticked = form.querySelectorAll("[name=services]:checked").length;
  if (form.elements.scope.value !== "services") mark("niveau", "done", "Toute la structure");
  else if (ticked) mark("niveau", "done", `${ticked} service${ticked > 1 ? "s" : ""}`);
  else mark("niveau", "current", "Cochez au moins un service");
});

// « Écouter » plays in place; a second press stops.
let playing = null;
function listen(link) {
  if (playing) {
    playing.pause();
    playing = null;
    return;
  }
  playing = new Audio(link.href);
  playing.addEventListener("ended", () => (playing = null));
  playing.play().catch(() => {
    playing = null;
    window.location = link.href;
  });
}

captchaBlock.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-listen]");
  if (link) {
    event.preventDefault();
    listen(link);
    return;
  }
  const button = event.target.closest("button");
  if (!button) return;
  event.preventDefault();
  try {
    const answer = await askServer(form.dataset.captchaUrl, button.name);
    captchaBlock.replaceChildren(...answer.body.childNodes);
    const outcome = captchaBlock.querySelector("[data-captcha-outcome]");
    if (outcome) mark("captcha", "done");
    (outcome || form.elements.captcha_answer).focus();
  } catch {
    form.requestSubmit(button);
  }
});
