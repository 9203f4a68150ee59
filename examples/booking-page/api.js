// Calls the functions, renews the token before it expires, and throws problems as errors.

// The wait after a 429 that does not name one.
const DEFAULT_RETRY_SECONDS = 10;

/** No answer, or an error. A function's problem has a `code`; the gateway's errors do not. */
export class Problem extends Error {
  constructor(answer, { code, detail, message, request_id }) {
    super(detail ?? message);
    this.status = answer?.status;
    this.code = answer ? code : "unreachable";
    this.requestId = request_id ?? answer?.headers.get("x-request-id");
    if (this.status === 429) this.retryAfter = Number(answer.headers.get("retry-after")) || DEFAULT_RETRY_SECONDS;
  }
}

/** The JSON of a successful answer. Throws a `Problem` otherwise. */
export async function fetchJson(url, options) {
  const answer = await fetch(url, options).catch(() => null);
  const body = await answer?.json().catch(() => undefined);
  if (!answer?.ok || body == null) throw new Problem(answer, body ?? {});
  return body;
}

export class Api {
  // In memory only: every script of the origin can read localStorage.
  #token;

  /** `newToken` returns a promise of `{ token, seconds }`. */
  constructor(base, newToken) {
    Object.assign(this, { base, newToken });
  }

  async get(route, parameters, headers) {
    const url = `${this.base}/calendly/${route}?${new URLSearchParams(parameters)}`;
    const ask = async () => fetchJson(url, { headers: { ...headers, Authorization: `Bearer ${await this.#validToken()}` } });
    try {
      return await ask();
    } catch (problem) {
      // A gateway's authorizer refuses tokens without a code. Calendly's own 401 is not about this token.
      if (problem.status !== 401 || problem.code === "calendly_error") throw problem;
      this.#token = undefined;
      return ask();
    }
  }

  async #validToken() {
    if (!(Date.now() < this.#token?.renewAt)) {
      const { token, seconds } = await this.newToken();
      this.#token = { value: token, renewAt: Date.now() + (seconds - 60) * 1000 };
    }
    return this.#token.value;
  }
}
