// Comfort for the screens of « Mon compte ».
"use strict";

// How good a new password is, in words, while it is typed. The server judges.
for (const said of document.querySelectorAll("[data-password-strength]")) {
  const input = document.getElementById(said.dataset.passwordStrength);
  const least = Number(said.dataset.least);
  const own = said.dataset.about.toLowerCase().split(/[\s@.\-']+/).filter((word) => word.length > 2);
  const judge = (password) => {
    if (!password) return "";
    const missing = least - [...password].length;
    if (missing > 0) return `Trop court : encore ${missing} caractère${missing > 1 ? "s" : ""}.`;
    if (/^\d+$/.test(password)) return "Trop facile : il ne contient que des chiffres.";
    if (new Set(password).size < 5) return "Trop facile : les mêmes caractères reviennent.";
    const word = own.find((part) => password.toLowerCase().includes(part));
    if (word && password.length - word.length < least) return "Trop facile : il reprend votre nom ou votre adresse.";
    return missing < -4 ? "Long, donc solide. Il sera vérifié à l’envoi." : "Assez long. Quelques mots de plus le rendraient solide.";
  };
  let timer;
  input.addEventListener("input", () => {
    clearTimeout(timer);
    // Not at each key: a screen reader would never finish a sentence.
    timer = setTimeout(() => {
      said.textContent = judge(input.value);
      said.hidden = !said.textContent;
    }, 400);
  });
}

// What is shown once is copied or printed; by hand as well.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copied = [...document.querySelectorAll(button.dataset.copy)].map((line) => line.textContent).join("\n");
    let said = "Copié";
    try {
      await navigator.clipboard.writeText(copied);
    } catch {
      said = "Non copié : sélectionnez-les";
    }
    button.textContent = said;
    document.querySelector("[data-copied]").textContent = said;
  });
}
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
