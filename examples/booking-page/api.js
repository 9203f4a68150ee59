// Calls of the functions: with a token that is renewed in time, and with problems as errors.

import { api, newToken } from "./settings.js";

/** An answer that is no success. A function's has a code; the gateway's own has none. */
export class Problem extends Error {
  constructor(answer, body) {
    super(body.detail ?? body.message ?? "");
    this.status = answer.status;
    this.code = body.code;
    this.requestId = body.request_id ?? answer.headers.get("x-request-id");
    this.retryAfter = Number(answer.headers.get("retry-after")) || null;
  }
}

// In memory only: what is in localStorage can be read by every script of the origin, for as long as it is there.
let kept;

async function token(isRefused) {
  if (isRefused || !kept || Date.now() >= kept.renewAt) {
    const { token, seconds } = await newToken();
    kept = { token, renewAt: Date.now() + (seconds - 60) * 1000 };
  }
  return kept.token;
}

/** The JSON that a route answers. A token that is refused is renewed once. Throws a Problem, or what fetch throws. */
export async function get(route, parameters, signal) {
  const url = `${api}/calendly/${route}?${new URLSearchParams(parameters)}`;
  for (let isRefused = false; ; isRefused = true) {
    const headers = { Authorization: `Bearer ${await token(isRefused)}` };
    const answer = await fetch(url, { headers, signal });
    if (answer.ok) return answer.json();
    const problem = new Problem(answer, await answer.json().catch(() => ({})));
    // A gateway with an authorizer refuses tokens without a code; Calendly's own 401 is not about this token.
    const isAboutToken = problem.status === 401 && problem.code !== "calendly_error";
    if (isRefused || !isAboutToken) throw problem;
  }
}
