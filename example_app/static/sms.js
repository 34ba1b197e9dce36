/** A code by SMS: send, wait for the cooldown, check. */

import { ask } from "./api.js";
import { Refusal, onSubmit } from "./form.js";
import { latest, receive } from "./phone.js";

const send = document.querySelector("#send");
const button = document.querySelector("#send-button");
const verify = document.querySelector("#verify");
const named = () => ({ cc_phone: send.elements.cc_phone.value, phone: send.elements.phone.value });

let countdown;

onSubmit(send, async () => {
  const { answer } = await ask("sms/send", named());
  if (answer.data?.otp.status === "wait") wait(answer.data.otp.refresh_after);
  if (answer.status !== "OK") throw refusal(answer);
  receive(await latest("sms"));
  verify.elements.otp.focus();
  return "A code is on its way.";
});

onSubmit(verify, async ({ otp }) => {
  const { answer } = await ask("sms/verify", { ...named(), otp });
  if (answer.status !== "OK") throw refusal(answer);
  return "That is the code: the number is yours.";
});

for (const name of ["cc_phone", "phone"]) send.elements[name].addEventListener("input", () => wait(0));

function refusal({ message, errors = {} }) {
  return new Refusal(message, Object.keys(errors)[0]);
}

/** Count down to the next sending. Another number need not wait. */
function wait(seconds) {
  clearInterval(countdown);
  const end = Date.now() + seconds * 1000;
  const tell = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Send again in ${left} s` : "Send a code";
    if (left <= 0) clearInterval(countdown);
  };
  countdown = setInterval(tell, 250);
  tell();
}
