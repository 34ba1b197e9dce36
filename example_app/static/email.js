/** Log in by e-mail: ask for a code, then type it. */

import { call } from "./api.js";
import { Refusal, onSubmit, say } from "./form.js";
import { session } from "./session.js";

const [request, verify] = document.querySelectorAll("form");

onSubmit(request, async ({ email, lang }) => {
  await asked("request-otp", { email, lang }, "email");
  document.querySelector("#recipient").textContent = email;
  step(verify, request);
});

onSubmit(verify, async ({ otpCode }) => {
  const email = request.elements.email.value;
  session.open(await asked("verify-otp", { email, otpCode }, "otpCode"));
  location.assign("/profile");
});

document.querySelector("#again").addEventListener("click", () => step(request, verify));

async function asked(name, body, field) {
  const { answer } = await call("POST", `/apis/auth/${name}`, { body });
  if (answer.code !== 0) throw new Refusal(`${answer.message}.`, field);
  return answer.data;
}

function step(next, last) {
  last.hidden = true;
  next.hidden = false;
  say(next, "");
  const input = next.querySelector("input");
  if (next === verify) input.value = "";
  input.focus();
}
