// The free times of event types, by month, with a short cache.

const CACHE_MS = 60_000;
export const YEAR_DAYS = 365;

/** The day that is `count` days after a day, both as YYYY-MM-DD. */
export const addDays = (day, count) => new Date(Date.parse(day) + count * 86_400_000).toISOString().slice(0, 10);
export const isDay = (text) => /^\d{4}-\d\d-\d\d$/.test(text) && Boolean(Date.parse(text));
export const nextMonth = (month) => addDays(`${month}-01`, 31).slice(0, 7);
/** The day of a moment in a time zone. The Swedish date format is ISO 8601. */
export const dayOf = (moment, timeZone) => new Intl.DateTimeFormat("sv", { timeZone }).format(new Date(moment));
export const today = (timeZone) => dayOf(Date.now(), timeZone);

export const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
export function isZone(name) {
  try {
    return Boolean(today(name));
  } catch {
    return false;
  }
}

export class Availability {
  #api;
  #months = new Map();
  #headers;

  constructor(api) {
    this.#api = api;
  }

  /** A promise of the free times of a month, as a Map from days to arrays of slots. One call, or none if cached. */
  month(types, timezone, month) {
    const key = [timezone, month, ...types].join();
    const cached = this.#months.get(key);
    if (cached?.until > Date.now()) return cached.days;
    const [start] = [`${month}-01`, today(timezone)].sort().slice(-1);
    const end = addDays(`${nextMonth(month)}-01`, -1);
    const days = end < start ? Promise.resolve(new Map()) : this.#ask(types, { timezone, start_time: start, end_time: end }).then(byDay);
    this.#months.set(key, { days, until: Date.now() + CACHE_MS });
    days.catch(() => this.#months.delete(key));
    return days;
  }

  /** The first free slot from a day on, within a year from today. */
  async first(types, timezone, from) {
    const until = addDays(today(timezone), YEAR_DAYS);
    return from > until ? undefined : (await this.#ask(types, { timezone, start_time: from, end_time: until, limit: 1 })).slots[0];
  }

  /** Checks one moment again: returns its slot, if it is still free, and the next free ones. */
  async check(types, timezone, at) {
    const { slots, next } = await this.#ask(types, { timezone, at });
    if (!slots.length) {
      // A cached month was stale: from now on, bypass the functions' cache too.
      this.#months.clear();
      this.#headers = { "Cache-Control": "no-cache" };
    }
    return { slot: slots[0], next };
  }

  async #ask(types, parameters) {
    // With `match=all`, answers have the same form for one or more event types, and list only free times.
    const question = [...types.map((uri) => ["event_type", uri]), ["match", "all"], ...Object.entries(parameters)];
    const { collection, next = [] } = await this.#api.get("check-availability", question, this.#headers);
    return { slots: collection.map(slot), next: next.map(slot) };
  }
}

const byDay = ({ slots }) => Map.groupBy(slots, (slot) => slot.day);
const slot = ({ start_time, local_start_time, slots }) => ({ start: `${start_time.slice(0, 16)}Z`, day: local_start_time.slice(0, 10), byType: slots });
