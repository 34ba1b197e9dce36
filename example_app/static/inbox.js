/** Look for new messages every two seconds, and show them. */

const EVERY_MS = 2000;

setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#messages");
  const shown = document.querySelector("#messages");
  // Left alone while nothing is new, so that what is selected or focused stays so.
  if (fresh.innerHTML === shown.innerHTML) return;
  shown.replaceWith(fresh);
  document.querySelector("#news").textContent = `New: ${fresh.querySelector(".meta")?.textContent ?? "the inbox is empty"}`;
}, EVERY_MS);
