/** The list of calls and their answers that each page shows. */

const list = document.querySelector("#wire");
const KEPT = 8;

/** Show one call, newest first and unfolded. */
export function show({ method, path, body, status, answer }) {
  if (!list) return;
  const details = element("details");
  details.open = true;
  const summary = element("summary");
  const refused = refuses(status, answer);
  const said = element("span", refused ? `${status} refused` : String(status));
  said.className = "status";
  said.dataset.kind = refused ? "bad" : "good";
  summary.append(element("code", `${method} ${path}`), said);
  details.append(summary);
  if (body) details.append(json("Sent", body));
  details.append(json("Answered", answer));
  for (const older of list.querySelectorAll("details")) older.open = false;
  const item = element("li");
  item.append(details);
  list.prepend(item);
  while (list.children.length > KEPT) list.lastElementChild.remove();
}

/** Whether an answer is a refusal: some documents say so in the body alone, with status 200. */
function refuses(status, answer) {
  if (status >= 400) return true;
  if ("status" in answer) return ![true, "OK", "ok"].includes(answer.status);
  return Boolean(answer.code || answer.errors);
}

function json(label, value) {
  const figure = element("figure");
  figure.append(element("figcaption", label), element("pre", JSON.stringify(value, null, 2)));
  return figure;
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
