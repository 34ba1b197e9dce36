/** Look for new messages every two seconds, and show them. */

const EVERY_MS = 2000;
const shown = document.querySelector("#messages");
const news = document.querySelector("#news");

setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = [...page.querySelectorAll("#messages > li")];
  const added = fresh.filter((message) => !document.getElementById(message.id));
  const gone = [...shown.children].filter((message) => !page.getElementById(message.id));
  // The others stay where they are: a frame that moves loads again, and what is selected would be lost.
  for (const message of gone) message.remove();
  for (const message of added) message.classList.add("new");
  shown.prepend(...added);
  if (added.length) news.textContent = `New: ${added[0].textContent.replace(/\s+/g, " ").trim()}`;
}, EVERY_MS);
