/** A code read out: the caller chooses it, the phone speaks it. */

import { ask } from "./api.js";
import { Refusal, onSubmit } from "./form.js";
import { latest, speak } from "./phone.js";

const form = document.querySelector("#call");

draw();

onSubmit(form, async (typed) => {
  const { answer } = await ask("voice/call", typed);
  if (!answer.status) {
    const { error } = answer.data;
    const blamed = /^contact\.(\w+)/.exec(error);
    throw new Refusal(`${error}.`, blamed?.[1]);
  }
  speak(await latest("voice"));
  return "The phone rings.";
});

/** Six digits, each drawn by the browser's cryptographic generator. */
function draw() {
  const [number] = crypto.getRandomValues(new Uint32Array(1));
  form.elements.otp.value = String(number % 1_000_000).padStart(6, "0");
}
