//! The answer of `check_availability`: available times by local day, and as text.

use std::collections::BTreeMap;

use check_availability::{
    Entries, EntrySlot, FoundSlots,
    question::{MAX_NEXT, Match, Offsets, Question, RequestedTimes, Zone},
};
use chrono::{DateTime, Datelike, FixedOffset, SecondsFormat, TimeDelta, Timelike, Utc, Weekday};
use serde::{Deserialize, Serialize};
use shared::{Error, calendly::utc};

use super::arguments::TimesRequest;

/// The maximum number of booking links in the text.
const LINKS_IN_TEXT: usize = 5;

/// The structured content.
#[derive(Debug, Serialize)]
pub struct Availability {
    timezone: String,
    available: bool,
    days: Vec<Day>,
    more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    /// The text.
    #[serde(skip)]
    pub text: String,
    /// The age of a cached answer.
    #[serde(skip)]
    pub age: Option<std::time::Duration>,
}

/// A local day with available times.
#[derive(Debug, Serialize)]
struct Day {
    date: String,
    weekday: &'static str,
    times: Vec<Time>,
}

/// An available time.
#[derive(Debug, Serialize)]
struct Time {
    start: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    start_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_urls: Option<BTreeMap<String, String>>,
}

impl Availability {
    /// The available times of the slots that were found.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the question has no time zone.
    pub fn new(request: &TimesRequest, found: &FoundSlots, now: DateTime<Utc>) -> Result<Self, Error> {
        let TimesRequest { question, max_times } = request;
        let zone =
            question.timezone.as_ref().ok_or(Error::Internal { reason: "a question without a zone" })?;
        let entries = Entries::new(&found.lists, question.match_mode).available();
        let mut days = DaysBuilder {
            question,
            found,
            offsets: zone.offsets(),
            days: Vec::new(),
            count: 0,
            max: *max_times,
        };
        let available = match question.times {
            RequestedTimes::Range { .. } => {
                days.add(&entries);
                days.count > 0
            }
            RequestedTimes::Point(point) => {
                days.max = usize::MAX;
                days.add(&entries.at(point));
                let is_available = days.count > 0;
                if !is_available {
                    days.max = MAX_NEXT;
                    days.add(&entries.after(point));
                }
                is_available
            }
        };
        let more = days.count > days.max;
        let days = days.days;
        let as_of = found.as_of();
        Ok(Self {
            text: text(question, zone, available, &days),
            timezone: zone.to_string(),
            available,
            days,
            more,
            as_of: as_of.map(utc),
            age: as_of.map(|as_of| (now - as_of).to_std().unwrap_or_default()),
        })
    }
}

/// Groups entries by local day.
struct DaysBuilder<'a> {
    question: &'a Question,
    found: &'a FoundSlots,
    offsets: Offsets<'a>,
    days: Vec<Day>,
    /// The number of entries, including one that is not listed and shows that there are more.
    count: usize,
    /// The maximum number of entries to list.
    max: usize,
}

impl DaysBuilder<'_> {
    fn add(&mut self, entries: &Entries<'_>) {
        entries.first(self.max.saturating_add(1)).for_each(|entry| {
            let Some(first) = entry.first() else { return };
            let start = to_local(first.slot.start_time, &mut self.offsets);
            // RFC 3339 has no later years.
            if start.year() > 9999 {
                return;
            }
            self.count += 1;
            if self.count <= self.max {
                self.add_entry(entry, first, start);
            }
        });
    }

    /// Adds an entry whose first slot starts at the local time `start`.
    fn add_entry(&mut self, entry: &[EntrySlot<'_>], first: &EntrySlot<'_>, start: DateTime<FixedOffset>) {
        let end =
            self.duration(entry).and_then(|duration| first.slot.start_time.checked_add_signed(duration));
        let end = end.map(|end| clock(to_local(end, &mut self.offsets)));
        let is_all = self.question.match_mode == Match::All;
        let has_event_type = !is_all && self.found.event_types.len() > 1;
        let booking_urls =
            || entry.iter().filter_map(|slot| Some((self.uri(slot)?, booking_url(slot)?))).collect();
        let time = Time {
            start: clock(start),
            end,
            start_time: start.to_rfc3339_opts(SecondsFormat::AutoSi, false),
            event_type: if has_event_type { self.uri(first) } else { None },
            booking_url: if is_all { None } else { booking_url(first) },
            booking_urls: is_all.then(booking_urls),
        };
        let date = start.date_naive().to_string();
        match self.days.last_mut() {
            Some(day) if day.date == date => day.times.push(time),
            _ => self.days.push(Day { date, weekday: weekday(start.weekday()), times: vec![time] }),
        }
    }

    fn uri(&self, slot: &EntrySlot<'_>) -> Option<String> {
        Some(self.found.event_types.get(slot.event_type)?.resolved.uri.as_str().to_owned())
    }

    /// The duration of an entry, if it is known and the same for all its slots.
    fn duration(&self, entry: &[EntrySlot<'_>]) -> Option<TimeDelta> {
        if self.question.duration.is_some() {
            return self.question.duration;
        }
        let slot_duration =
            |slot: &EntrySlot<'_>| self.found.event_types.get(slot.event_type)?.resolved.duration;
        let duration = slot_duration(entry.first()?)?;
        entry.iter().all(|slot| slot_duration(slot) == Some(duration)).then_some(duration)
    }
}

/// The booking link of a slot. One that would break the lines of the text is left out.
fn booking_url(slot: &EntrySlot<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Link {
        scheduling_url: String,
    }
    let Link { scheduling_url } = serde_json::from_str(slot.object).ok()?;
    let is_url = scheduling_url.starts_with("https://")
        && !scheduling_url.contains(|character: char| character.is_whitespace() || character.is_control());
    is_url.then_some(scheduling_url)
}

fn to_local(time: DateTime<Utc>, offsets: &mut Offsets<'_>) -> DateTime<FixedOffset> {
    time.with_timezone(&offsets.at(time))
}

/// The time of day: 10:00.
fn clock(time: DateTime<FixedOffset>) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

fn weekday(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "Monday",
        Weekday::Tue => "Tuesday",
        Weekday::Wed => "Wednesday",
        Weekday::Thu => "Thursday",
        Weekday::Fri => "Friday",
        Weekday::Sat => "Saturday",
        Weekday::Sun => "Sunday",
    }
}

/// The text: one line per day, then the booking links of the first times.
fn text(question: &Question, zone: &Zone, available: bool, days: &[Day]) -> String {
    let mut offsets = zone.offsets();
    let mut moment = |time| {
        let time = to_local(time, &mut offsets);
        format!("{} {} {}", weekday(time.weekday()), time.date_naive(), clock(time))
    };
    let mut lines = Vec::new();
    match question.times {
        RequestedTimes::Range { range, .. } if !available => {
            let (start, end) = (moment(range.start_time()), moment(range.end_time()));
            lines.push(format!("No time is available from {start} to {end} ({zone})."));
        }
        RequestedTimes::Range { .. } => {}
        RequestedTimes::Point(point) if !available => {
            let next = if days.is_empty() {
                "Neither is any time in the 7 days after it."
            } else {
                "The next available times:"
            };
            lines.push(format!("{} ({zone}) is not available. {next}", moment(point.moment())));
        }
        RequestedTimes::Point(_) => {}
    }
    for Day { date, weekday, times } in days {
        // Several event types can be available at the same instant.
        let mut distinct: Vec<&Time> = times.iter().collect();
        distinct.dedup_by_key(|time| &time.start_time);
        let starts: Vec<&str> = distinct.into_iter().map(|time| time.start.as_str()).collect();
        lines.push(format!("{weekday} {date}: {} ({zone})", starts.join(", ")));
    }
    let times = days.iter().flat_map(|day| day.times.iter().map(move |time| (&day.date, time)));
    for (date, Time { start, booking_url, .. }) in times.take(LINKS_IN_TEXT) {
        if let Some(url) = booking_url {
            lines.push(format!("{date} {start}: {url}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::calendly::AvailableTimes;

    use super::*;

    fn question(query: &str) -> Question {
        let now = DateTime::parse_from_rfc3339("2027-10-01T00:00:00Z").unwrap().to_utc();
        Question::parse(&query.parse().unwrap(), now).unwrap()
    }

    fn lisbon() -> Zone {
        Zone::named("Europe/Lisbon").unwrap()
    }

    fn time(start: &str, start_time: &str, booking_url: Option<&str>) -> Time {
        Time {
            start: start.to_owned(),
            end: None,
            start_time: start_time.to_owned(),
            event_type: None,
            booking_url: booking_url.map(str::to_owned),
            booking_urls: None,
        }
    }

    #[test]
    fn a_line_has_each_instant_once() {
        let times = vec![
            time("00:00", "2027-10-31T00:00:00+01:00", Some("https://calendly.com/x/a")),
            time("00:00", "2027-10-31T00:00:00+01:00", None),
            // The clocks repeat this hour.
            time("01:00", "2027-10-31T01:00:00+01:00", None),
            time("01:00", "2027-10-31T01:00:00+00:00", None),
        ];
        let days = [Day { date: "2027-10-31".to_owned(), weekday: "Sunday", times }];
        assert_eq!(
            text(&question("start_time=2027-10-31&end_time=2027-10-31"), &lisbon(), true, &days),
            "Sunday 2027-10-31: 00:00, 01:00, 01:00 (Europe/Lisbon)\n2027-10-31 00:00: https://calendly.com/x/a"
        );
    }

    #[test]
    fn texts_without_an_available_time_name_the_range() {
        for (query, expected) in [
            (
                "start_time=2027-10-31T00:30:00Z&end_time=2027-11-01",
                "No time is available from Sunday 2027-10-31 01:30 to Tuesday 2027-11-02 00:00 (Europe/Lisbon).",
            ),
            (
                "at=2027-10-31T01:30:00Z",
                "Sunday 2027-10-31 01:30 (Europe/Lisbon) is not available. Neither is any time in the 7 days after it.",
            ),
        ] {
            assert_eq!(text(&question(query), &lisbon(), false, &[]), expected);
        }
    }

    #[test]
    fn booking_links_keep_the_lines_of_the_text() {
        let link = |url: &str| {
            let slot =
                json!({"start_time": "2027-10-31T00:00:00Z", "status": "available", "scheduling_url": url});
            let times = AvailableTimes::parse(json!({"collection": [slot]}).to_string()).unwrap();
            let slot = &times.slots()[0];
            booking_url(&EntrySlot { event_type: 0, slot, object: times.object(slot) })
        };
        for url in ["https://calendly.com/x/a", "https://calendly.com/é?a=b#c"] {
            assert_eq!(link(url).as_deref(), Some(url));
        }
        for url in
            ["", "http://calendly.com/x", "javascript:x", "https://a b", "https://a\nb", "https://a\u{2028}b"]
        {
            assert_eq!(link(url), None, "{url:?}");
        }
    }
}
