// Passkeys: the browser has the key answer, and a field of the form carries the answer to the server, which judges.
"use strict";

const bytesOf = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const textOf = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const described = (keys) => (keys || []).map((key) => ({ ...key, id: bytesOf(key.id) }));

async function create(options) {
  const user = { ...options.user, id: bytesOf(options.user.id) };
  const excludeCredentials = described(options.excludeCredentials);
  const challenge = bytesOf(options.challenge);
  const key = await navigator.credentials.create({ publicKey: { ...options, user, challenge, excludeCredentials } });
  const { response } = key;
  const transports = response.getTransports ? response.getTransports() : [];
  return answer(key, { attestationObject: textOf(response.attestationObject), transports });
}

async function get(options) {
  const allowCredentials = described(options.allowCredentials);
  const challenge = bytesOf(options.challenge);
  const key = await navigator.credentials.get({ publicKey: { ...options, challenge, allowCredentials } });
  const { response } = key;
  return answer(key, { authenticatorData: textOf(response.authenticatorData), signature: textOf(response.signature) });
}

const answer = (key, response) =>
  JSON.stringify({
    id: key.id,
    rawId: textOf(key.rawId),
    type: key.type,
    response: { clientDataJSON: textOf(key.response.clientDataJSON), ...response },
  });

// Said until we know better.
for (const note of document.querySelectorAll("[data-without-passkeys]")) note.hidden = Boolean(window.PublicKeyCredential);

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const field = form.querySelector("[name=credential]");
  const said = form.querySelector("[data-said]");
  form.addEventListener("submit", async (event) => {
    const empty = [...form.querySelectorAll("input:not([type=hidden])")].some((input) => !input.value);
    // What is missing is said by the server; so is a browser without passkeys.
    if (field.value || empty || !window.PublicKeyCredential) return;
    event.preventDefault();
    said.hidden = true;
    try {
      const ask = form.dataset.passkey === "create" ? create : get;
      field.value = await ask(JSON.parse(form.dataset.options));
    } catch {
      said.hidden = false;
      return;
    }
    form.requestSubmit();
  });
}
