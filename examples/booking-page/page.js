// The page around <booking-page>: sets its title in the visitor's language, and fetches tokens.

import { fetchJson } from "./api.js";
import { Format } from "./format.js";

const { language, texts } = new Format();
Object.assign(document.documentElement, { lang: language, dir: texts.direction });
document.title = texts.title;

// The sandbox's demo user. A password has no place in a page: on a site of your own, delete this and set the
// attribute `token`, as README.md shows.
document.querySelector("booking-page").newToken = async () => {
  const form = { grant_type: "password", username: "demo", password: "demo" };
  const { access_token, expires_in } = await fetchJson("/issuer/token", { method: "POST", body: new URLSearchParams(form) });
  return { token: access_token, seconds: expires_in };
};
