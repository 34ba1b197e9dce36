/** Who is logged in: the page that uses the access token, renews it, and ends the session. */

import { call } from "./api.js";
import { Refusal, onSubmit } from "./form.js";
import { session } from "./session.js";

const form = document.querySelector("#profile");
const text = (id, value) => { document.querySelector(id).textContent = value; };

onSubmit(form, async (_, button) => {
  if (button.value === "refresh") return renew();
  await call("POST", "/apis/auth/logout", { token: session.get().accessToken });
  return leave();
});

if (session.get()) await show();
else leave();

async function show() {
  const { status, answer } = await call("GET", "/apis/user/profile", { token: session.get().accessToken });
  if (status === 401) return leave();
  const { userId, email, fullName } = answer.data;
  const name = fullName || email;
  text("#name", name);
  text("#address", email);
  text("#user-id", userId);
  text("#profile .avatar", name[0].toUpperCase());
  showExpiry();
  form.ariaBusy = "false";
}

async function renew() {
  const body = { refreshToken: session.get().refreshToken };
  const { answer } = await call("POST", "/apis/auth/refresh-token", { body });
  if (answer.code !== 0) throw new Refusal(`${answer.message}.`);
  session.open(answer.data);
  showExpiry();
  return "There are new tokens; the old refresh token is spent.";
}

function showExpiry() {
  text("#expires", new Date(session.get().expiresAt).toLocaleString([], { dateStyle: "medium", timeStyle: "medium" }));
}

function leave() {
  session.close();
  location.replace("/email");
}
