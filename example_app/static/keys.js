/** Copy buttons, and starting over. */

import { ask } from "./api.js";
import { onSubmit } from "./form.js";

for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.closest(".copyable").querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}

onSubmit(document.querySelector("#start-over"), async () => {
  await ask("start-over");
  location.reload();
});
