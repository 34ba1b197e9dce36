/** Providers that fail, those that take over, and what they report. */

import { ask } from "./api.js";
import { Refusal, onSubmit } from "./form.js";

const EVERY_MS = 1000;
const [send, verify] = document.querySelectorAll("form");
const journal = document.querySelector("#journal");

let known = "";
let number = {};

if (send) begin();

function begin() {
  onSubmit(send, async ({ cc_phone, phone }) => {
    const { answer } = await ask("sms/send", { cc_phone, phone });
    await look();
    if (answer.status !== "OK") throw new Refusal(answer.message, "phone");
    number = { cc_phone, phone };
    // The next code goes to another number, because each has to wait for its own next one.
    send.elements.phone.value = `80${Math.floor(1e7 + Math.random() * 8e7)}`;
    verify.reset();
    return `A code for +${cc_phone} ${phone} is on its way.`;
  });

  onSubmit(verify, async ({ otp }) => {
    if (!number.phone) throw new Refusal("Send a code first.");
    const { answer } = await ask("sms/verify", { ...number, otp });
    if (answer.status !== "OK") throw new Refusal(answer.message, "otp");
    return "That is the code: the number is yours.";
  });

  for (const card of document.querySelectorAll(".provider")) {
    card.addEventListener("change", async ({ target }) => {
      await ask("providers/switch", { name: card.dataset.name, mode: target.value });
    });
    card.addEventListener("click", async ({ target }) => {
      if (!target.dataset.status) return;
      await ask("providers/report", { name: card.dataset.name, ...target.dataset });
      await look();
    });
  }

  setInterval(() => document.hidden || look(), EVERY_MS);
  look();
}

/** Show what the providers took and what happened, if any of it is new. */
async function look() {
  const response = await fetch("/providers/state").catch(() => null);
  if (!response?.ok) return;
  const text = await response.text();
  if (text === known) return;
  known = text;
  const { providers, entries } = JSON.parse(text);
  for (const [name, { mode, taken }] of Object.entries(providers)) {
    const card = document.querySelector(`#provider-${name}`);
    card.querySelector(`[value=${mode}]`).checked = true;
    card.querySelector(".taken").replaceChildren(...taken.map(message));
  }
  journal.replaceChildren(...entries.map(entry));
}

function message({ id, to, text, reported }) {
  const item = element("li");
  item.append(element("p", `${id} to ${to}`, "muted"), element("p", text, "text"));
  if (reported) item.append(element("p", `Reported: ${reported}`, "muted"));
  else item.append(report(id, "delivered", "Report it delivered"), report(id, "undeliverable", "Report it undeliverable"));
  return item;
}

function report(id, status, label) {
  const button = element("button", label);
  button.type = "button";
  Object.assign(button.dataset, { id, status });
  return button;
}

function entry({ at, text, kind }) {
  const item = element("li", "", kind);
  item.append(element("time", at), ` ${text}`);
  return item;
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}
