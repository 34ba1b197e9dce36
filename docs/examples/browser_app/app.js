const API = "https://api.example.com";

// Tokens are kept in this variable only: not in localStorage, not in a cookie.
let tokens = null;
let email = "";

async function call(method, path, body) {
  const headers = {"Content-Type": "application/json"};
  if (tokens) headers.Authorization = `Bearer ${tokens.accessToken}`;
  const answer = await fetch(API + path, {method, headers, body: body && JSON.stringify(body)});
  return {answer, json: await answer.json()};
}

async function callAsUser(method, path) {
  const first = await call(method, path);
  if (first.answer.status !== 401 || !tokens) return first;
  // The access token has expired. Exchange the refresh token, once, and try again.
  const refreshed = await call("POST", "/apis/auth/refresh-token", {refreshToken: tokens.refreshToken});
  tokens = refreshed.json.code === 0 ? refreshed.json.data : null;
  return tokens ? call(method, path) : first;
}

async function showUser() {
  const {answer, json} = await callAsUser("GET", "/me");
  show(answer.ok ? `You are logged in as ${json.email}.` : json.message);
}

function show(text) {
  document.querySelector("#ask").hidden = tokens !== null;
  document.querySelector("#enter").hidden = tokens !== null || email === "";
  document.querySelector("#me").hidden = tokens === null;
  document.querySelector("#logout").hidden = tokens === null;
  document.querySelector("#status").textContent = text;
}

document.querySelector("#ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = new FormData(event.target).get("email");
  const {answer, json} = await call("POST", "/apis/auth/request-otp", {email: wanted});
  if (json.code === 0) {
    email = json.data.email;
    show(`We have sent a code to ${email}.`);
  } else {
    const seconds = answer.headers.get("Retry-After");
    show(json.message + (seconds ? `. Try again in ${seconds} seconds.` : ""));
  }
});

document.querySelector("#enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  const otpCode = new FormData(event.target).get("code");
  const {json} = await call("POST", "/apis/auth/verify-otp", {email, otpCode});
  if (json.code !== 0) return show(json.message);
  tokens = json.data;
  event.target.reset();
  await showUser();
});

document.querySelector("#me").addEventListener("click", showUser);

document.querySelector("#logout").addEventListener("click", async () => {
  await call("POST", "/apis/auth/logout", {refreshToken: tokens.refreshToken});
  tokens = null;
  email = "";
  show("You are logged out.");
});

show("");
