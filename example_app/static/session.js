/**
 * The tokens of the login, kept for this tab. Scripts can read them there: the pages' content security
 * policy lets none but the app's own run.
 */

const NAME = "login";

export const session = {
  get: () => JSON.parse(sessionStorage.getItem(NAME)),
  open: ({ accessToken, refreshToken, expiresAt }) =>
    sessionStorage.setItem(NAME, JSON.stringify({ accessToken, refreshToken, expiresAt })),
  close: () => sessionStorage.removeItem(NAME),
};
