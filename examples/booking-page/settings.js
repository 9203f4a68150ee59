// What differs from site to site. README.md says what else has to be done.

/** Where the functions are: the stack's output BaseUrl. */
export const api = "http://127.0.0.1:9000";

/**
 * A new access token of the visitor's, and for how many seconds it is good.
 *
 * This one is the sandbox's demo user's. A password has no place in a page: on a site of your own, ask your
 * back end, which knows who the visitor is, or a library of your issuer's.
 */
export async function newToken() {
  const form = { grant_type: "password", username: "demo", password: "demo" };
  const answer = await fetch("/issuer/token", { method: "POST", body: new URLSearchParams(form) });
  if (!answer.ok) throw new Error(`The issuer answered ${answer.status}.`);
  const { access_token, expires_in } = await answer.json();
  return { token: access_token, seconds: expires_in };
}
