// What went wrong, in words for a visitor.

const BY_CODE = {
  invalid_parameter: "This cannot be asked for.",
  pat_missing: "Nobody has connected a Calendly account for you yet.",
  token_missing: "You are not signed in.",
  token_invalid: "Your sign-in was not accepted.",
  token_expired: "Your sign-in has expired.",
  insufficient_scope: "Your account may not see open times.",
  no_event_type: "This can no longer be booked. Choose something else.",
  calendly_error: "Calendly refused the request.",
  calendly_unreachable: "Calendly does not answer at the moment.",
  calendly_invalid_response: "Calendly answered with something unexpected.",
  secrets_unavailable: "The service is not ready at the moment.",
  keys_unavailable: "Your sign-in cannot be checked at the moment.",
  deadline_exceeded: "This took too long.",
  answer_too_large: "There is too much to show.",
  internal_error: "Something went wrong.",
};

/** A sentence for what `get` threw. */
export function words({ status, code }) {
  if (status === undefined) return "The service cannot be reached. Are you online?";
  if (status === 429) return "Too many people are looking at the moment.";
  return BY_CODE[code] ?? (status === 401 ? "Your sign-in was not accepted." : "The service has a problem.");
}
