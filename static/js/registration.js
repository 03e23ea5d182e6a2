// Comfort for « Créer un compte »: look-ups and captcha without reloading the page.
// Every button below also works by itself, as a plain submit.
"use strict";

const form = document.querySelector("[data-registration]");
const identifier = form.elements.identifier;
const announcer = form.querySelector("[data-announce]");
let lastLookUp = "";

async function askServer(url, button) {
  const data = new FormData(form);
  if (button) data.set(button, "1");
  const response = await fetch(url, { method: "POST", body: data });
  if (!response.ok) throw new Error(response.statusText);
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function replace(selector, answer) {
  form.querySelector(selector).replaceChildren(...answer.querySelector(selector).childNodes);
}

async function findStructure() {
  const wanted = form.elements.identifier_type.value + identifier.value.trim();
  if (wanted === lastLookUp) return;
  lastLookUp = wanted;
  identifier.classList.remove("is-invalid");
  announcer.textContent = "Recherche de la structure…";
  try {
    const answer = await askServer(form.dataset.structureUrl);
    replace("[data-structure-block]", answer);
    replace("[data-scope-block]", answer);
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
identifier.addEventListener("change", findStructure);
identifier.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  findStructure();
});
form.elements.identifier_type.addEventListener("change", findStructure);

const captchaBlock = form.querySelector("[data-captcha-block]");
captchaBlock.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  event.preventDefault();
  try {
    const answer = await askServer(form.dataset.captchaUrl, button.name);
    captchaBlock.replaceChildren(...answer.body.childNodes);
    (captchaBlock.querySelector("[data-captcha-outcome]") || form.elements.captcha_answer).focus();
  } catch {
    form.requestSubmit(button);
  }
});
