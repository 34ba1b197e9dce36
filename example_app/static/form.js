/** Forms that call an API: busy while they wait, and they say how it went. */

/** What went wrong, in words for a person. `field` is the name of the input that is to blame. */
export class Refusal extends Error {
  constructor(message, field = null) {
    super(message);
    this.field = field;
  }
}

/** Run `act` with the form's values on submit. What it returns, or the refusal it throws, is shown. */
export function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    say(form, "");
    try {
      say(form, (await act(Object.fromEntries(new FormData(form)), event.submitter)) ?? "");
    } catch (error) {
      refuse(form, error instanceof Refusal ? error : new Refusal("The app does not answer."));
      if (!(error instanceof Refusal)) console.error(error);
    } finally {
      form.ariaBusy = "false";
      // What was said may have moved the input that is to be filled in next.
      document.activeElement.scrollIntoView({ block: "nearest" });
    }
  });
}

/** Show `message` in the form's own place for it. */
export function say(form, message, kind = "good") {
  const outcome = form.querySelector("output");
  outcome.dataset.kind = kind;
  outcome.textContent = message;
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    describe(input, described(input).filter((id) => id !== outcome.id));
  }
}

function refuse(form, { message, field }) {
  say(form, message, "bad");
  const input = field && form.elements[field];
  if (!input) return;
  const outcome = form.querySelector("output");
  outcome.id ||= `outcome-${[...document.querySelectorAll("output")].indexOf(outcome)}`;
  input.setAttribute("aria-invalid", "true");
  describe(input, [outcome.id, ...described(input)]);
  // Whoever presses the keys of a pad stays there: a focused input would open the keyboard of a phone.
  if (!input.parentElement.contains(document.activeElement)) input.focus();
  if (document.activeElement === input) input.select();
}

const described = (input) => (input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean);

function describe(input, ids) {
  if (ids.length) input.setAttribute("aria-describedby", ids.join(" "));
  else input.removeAttribute("aria-describedby");
}
