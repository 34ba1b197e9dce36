/** A code by flash call: a phone rings, and the end of the number is the code. */

import { ask } from "./api.js";
import { Refusal, onSubmit } from "./form.js";
import { latest, ring } from "./phone.js";

const [order, redeem] = document.querySelectorAll("form");

let orderId = "";

onSubmit(order, async ({ phone }) => {
  const { id, cid, code } = data(await ask("flashcall/order", { phone }), "phone");
  orderId = id;
  ring(await latest("flashcall"), code.len);
  redeem.reset();
  redeem.elements.code.focus();
  return `A number like ${cid.mask} calls.`;
});

onSubmit(redeem, async ({ code }) => {
  if (!orderId) throw new Refusal("Have the phone called first.");
  data(await ask("flashcall/redeem", { order_id: orderId, code }), "code");
  return "That is the code: the number is yours.";
});

function data({ answer }, field) {
  if (answer.errors) throw new Refusal(`${answer.errors.map(({ message }) => message).join(", ")}.`, field);
  return answer.data;
}
