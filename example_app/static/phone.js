/** The pretend phone: it shows what the inbox has for its channel. */

const phone = document.querySelector("#handset");
const part = Object.fromEntries(["caption", "number", "message", "answer"].map((name) => [name, phone.querySelector(`.${name}`)]));
const RINGS_FOR_MS = 5000;

let timer;

/** The newest message of a channel. */
export const latest = async (channel) => (await fetch(`/otpauth/inbox/latest?channel=${channel}`)).json();

/** A message arrives. */
export function receive({ text }) {
  set("message", { caption: "New message", message: text });
}

/** A call rings, and stops: the last `digits` of the number are what it says. */
export function ring({ callerNumber }, digits) {
  const shown = { number: spaced(callerNumber, digits) };
  set("ringing", { caption: "Incoming call", ...shown });
  timer = setTimeout(() => set("missed", { caption: "Missed call", ...shown }), RINGS_FOR_MS);
}

/** A call rings until it is answered, and then speaks. */
export function speak({ callerNumber, text }) {
  const shown = { number: spaced(callerNumber, 0) };
  set("ringing", { caption: "Incoming call", ...shown });
  part.answer.hidden = false;
  part.answer.onclick = () => set("speaking", { caption: "The voice says", ...shown, message: text });
}

function set(state, { caption, number = [], message = "" }) {
  clearTimeout(timer);
  phone.dataset.state = state;
  part.caption.textContent = caption;
  part.number.replaceChildren(...number);
  part.message.textContent = message;
  part.answer.hidden = true;
}

/** A number in groups, its last `digits` in bold. */
function spaced(number, digits) {
  const plain = number.replace(/\D/g, "");
  const end = plain.slice(plain.length - digits);
  const start = plain.slice(0, plain.length - digits).replace(/(\d)(?=(\d{3})+$)/g, "$1 ");
  if (!digits) return [`+${start}${end}`];
  const bold = document.createElement("strong");
  bold.textContent = end;
  return [`+${start} `, bold];
}
