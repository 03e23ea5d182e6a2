// Comfort on every page; nothing depends on it.
"use strict";

// One open menu at a time, closed by Escape or by a click elsewhere.
const openMenus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("click", (event) => {
  for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// A double click sends once. The button is given back when the page is shown again (« page précédente »).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  // What a button downloads leaves the page, and its other buttons, there.
  if (event.submitter?.hasAttribute("data-download")) return;
  if (form.dataset.sending) event.preventDefault();
  form.dataset.sending = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) delete form.dataset.sending;
});

// « Afficher » beside each password; hidden again before it is sent, so that browsers take it for one.
for (const button of document.querySelectorAll("[data-show-password]")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const whose = document.createElement("span");
  whose.className = "visually-hidden";
  whose.textContent = ` : ${input.labels[0].textContent.replace(/\s+/g, " ").trim()}`;
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.replaceChildren(shown ? "Masquer" : "Afficher", whose);
    button.setAttribute("aria-pressed", String(shown));
  };
  show(false);
  button.hidden = false;
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  input.form.addEventListener("submit", () => show(false));
}

// Where tabs do not all fit, the one that is open is in sight.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const { scrollWidth, clientWidth } = tab.parentElement;
  if (scrollWidth > clientWidth) tab.parentElement.scrollLeft = tab.offsetLeft - (clientWidth - tab.offsetWidth) / 2;
}
