// The visitor's language and habits: names, hours, the first day of the week.

import { TEXTS } from "./texts.js";

const language = (tag) => new Intl.Locale(tag).language;

export class Format {
  /** `wanted` is a language tag that overrides the browser's languages. */
  constructor(wanted) {
    const languages = wanted ? [wanted] : navigator.languages;
    const known = languages.find((tag) => TEXTS[language(tag)]) ?? "en";
    // The calendar shows Gregorian months and Latin digits, so all other texts do too.
    this.locale = new Intl.Locale(known, { calendar: "gregory", numberingSystem: "latn" }).toString();
    this.language = language(known);
    this.texts = TEXTS[this.language];
    // Hours and weeks follow the visitor's first language, even if the page is not translated to it.
    const habits = new Intl.Locale(languages[0]);
    this.hourCycle = new Intl.DateTimeFormat(habits, { hour: "numeric" }).resolvedOptions().hourCycle;
    this.firstDay = ((habits.getWeekInfo?.() ?? habits.weekInfo)?.firstDay ?? 1) % 7;
  }

  /** A text with its `{name}`s replaced. */
  text = (key, values = {}) => this.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

  #date = (moment, options) => new Intl.DateTimeFormat(this.locale, { timeZone: "UTC", ...options }).format(new Date(moment));
  day = (day) => this.#date(day, { weekday: "long", day: "numeric", month: "long" });
  shortDay = (day) => this.#date(day, { weekday: "short", day: "numeric", month: "short" });
  fullDay = (day) => this.#date(day, { dateStyle: "full" });
  month = (month) => this.#date(`${month}-01`, { month: "long", year: "numeric" });

  /** A time of day, or a range of two. */
  time(moment, timeZone, end = moment) {
    const options = { hour: this.hourCycle[1] === "2" ? "2-digit" : "numeric", minute: "2-digit", hourCycle: this.hourCycle, timeZone };
    return new Intl.DateTimeFormat(this.locale, options).formatRange(new Date(moment), new Date(end));
  }

  /** The name of a zone at a moment. */
  zone = (moment, timeZone, timeZoneName = "long") =>
    new Intl.DateTimeFormat(this.locale, { timeZone, timeZoneName }).formatToParts(new Date(moment)).find(({ type }) => type === "timeZoneName").value;

  length = (minutes) => {
    const [unit, count] = minutes % 60 === 0 ? ["hour", minutes / 60] : ["minute", minutes];
    return new Intl.NumberFormat(this.locale, { style: "unit", unit, unitDisplay: "long" }).format(count);
  };

  list = (items, type = "conjunction") => new Intl.ListFormat(this.locale, { type }).format(items);
}
