/** The head of every page says who is logged in. */

import { session } from "./session.js";

const link = document.querySelector("#who");
const login = session.get();

if (login && Date.parse(login.expiresAt) > Date.now()) {
  link.href = "/profile";
  link.querySelector(".avatar").textContent = login.name[0].toUpperCase();
  link.querySelector(".says").textContent = "Logged in as";
  link.querySelector(".name").textContent = login.name;
}
link.hidden = false;
