/** PIN and password of the customer: the server knows which one. */

import { ask } from "./api.js";
import { Refusal, onSubmit, say } from "./form.js";

/** What can be done with the PIN: the steps ask for six digits each, and the last one calls the API. */
const MODES = {
  validate: { action: "validate-pin", steps: [["pin", "PIN"]], done: "That is the PIN." },
  set: { action: "set-pin", steps: [["pin", "New PIN"], ["confirm_pin", "The same again"]], done: "The PIN is set." },
  change: {
    action: "change-pin",
    steps: [["current_pin", "PIN as it is"], ["new_pin", "New PIN"], ["confirm_new_pin", "The same again"]],
    done: "The PIN is changed.",
  },
  reset: {
    action: "reset-pin",
    steps: [["otp", "Code from the inbox"], ["pin", "New PIN"], ["confirm_pin", "The same again"]],
    done: "The PIN is reset. A mail says so.",
  },
};
const LENGTH = 6;

const form = document.querySelector("#pin-form");
const digits = document.querySelector("#digits");
const sendCode = document.querySelector("#send-code");
const unblock = document.querySelector("#unblock");

let mode = MODES.validate;
let typed = {};

onSubmit(form, async () => {
  const [field] = mode.steps[Object.keys(typed).length];
  typed[field] = digits.value;
  const next = mode.steps[Object.keys(typed).length];
  if (next) return prompt(next[1]);
  const values = typed;
  begin();
  await asked(mode.action, values);
  return mode.done;
});

form.addEventListener("change", ({ target }) => {
  if (target.name !== "mode") return;
  mode = MODES[target.value];
  sendCode.hidden = mode !== MODES.reset;
  delete form.dataset.state;
  begin();
  say(form, "");
});

sendCode.addEventListener("click", () => tell(() => asked("send-pin-code"), "A code is in the inbox."));
unblock.addEventListener("click", () => tell(() => asked("unblock-pin"), "The PIN is not blocked any more."));

form.querySelector(".keys").addEventListener("click", ({ target: { value } }) => {
  if (value === undefined) return;
  digits.value = { clear: "", back: digits.value.slice(0, -1) }[value] ?? (digits.value + value).slice(0, LENGTH);
  submitWhenFull();
});
digits.addEventListener("input", submitWhenFull);

for (const each of document.querySelectorAll("form[data-action]")) {
  onSubmit(each, async (values) => {
    await asked(each.dataset.action, values);
    each.reset();
    return each.dataset.done;
  });
}

function submitWhenFull() {
  if (digits.value.length === LENGTH) form.requestSubmit();
}

function begin() {
  typed = {};
  prompt(mode.steps[0][1]);
}

function prompt(label) {
  document.querySelector("#step").textContent = label;
  digits.value = "";
}

async function tell(act, done) {
  try {
    await act();
    say(form, done);
  } catch (error) {
    say(form, error.message, "bad");
  }
}

async function asked(action, values = {}) {
  const { answer } = await ask(`account/${action}`, values);
  const blocked = answer.error_code === "pin_blocked";
  const wrong = answer.status !== "ok";
  if (action.endsWith("pin")) form.dataset.state = blocked ? "blocked" : wrong ? "wrong" : "open";
  if (wrong) {
    const [field] = Object.keys(answer.errors ?? {});
    const input = action.endsWith("pin") ? "digits" : field;
    throw new Refusal(`${answer.errors?.[field] ?? answer.detail}.`, input);
  }
}
