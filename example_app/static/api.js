/** Calls: straight to a public API, or through the app's own server where a key is needed. */

import { show } from "./wire.js";

/** Call an API from the browser. A `token` is shown as `Authorization: Bearer`. */
export async function call(method, path, { body, token } = {}) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const exchange = { method, path, body, status: response.status, answer: await response.json() };
  show(exchange);
  return exchange;
}

/** Have our server call an API with its key; the exchange is that of the server with the API. */
export async function ask(action, body = {}) {
  const response = await fetch(`/backend/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`/backend/${action} answered ${response.status}`);
  const exchange = await response.json();
  if (exchange.method) show(exchange);
  return exchange;
}
