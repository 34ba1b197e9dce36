/**
 * Who is logged in, and the tokens, kept for this tab. Scripts can read them there: the pages' content
 * security policy lets none but the app's own run.
 */

const NAME = "login";

export const session = {
  get: () => JSON.parse(sessionStorage.getItem(NAME)),
  open: ({ accessToken, refreshToken, expiresAt, email, fullName }) =>
    sessionStorage.setItem(NAME, JSON.stringify({ accessToken, refreshToken, expiresAt, name: fullName || email })),
  close: () => sessionStorage.removeItem(NAME),
};
