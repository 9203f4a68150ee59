//! The answer's JSON: Calendly's own `collection`, and what callers would otherwise work out themselves.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use shared::{Answer, Error, calendly::utc};

use crate::{
    chosen::Chosen,
    entries::{Entries, Placed},
    open_times::OpenTimes,
    question::{Match, Question, Times},
    zone::{Offsets, Zone},
};

/// A longer one would not fit in Lambda's 6 MB even if it were gzipped, and could take more memory than the
/// function has.
const LARGEST: usize = 32 * 1024 * 1024;

/// What two local times add to a slot.
const LOCAL_TIMES_LENGTH: usize =
    r#","local_start_time":"2026-12-01T09:00:00+00:00","local_end_time":"2026-12-01T09:00:00+00:00""#.len();

/// What else is put around a slot, but for the event type's URI.
const FRAME_LENGTH: usize =
    r#"{"start_time":"2026-12-01T09:00:00.000000000Z","slots":{"":}}"local_start_time":"2026-12-01T09:00:00+00:00","#
        .len();

/// Room for what stands beside one list.
const OTHERS_LENGTH: usize = 256;

/// How many are in `next`.
const NEXT: usize = 3;

/// What stands beside the `collection`.
#[derive(Serialize)]
struct Others<'a> {
    available: bool,
    event_type: EventTypes<'a>,
    #[serde(flatten)]
    times: AskedTimes,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EventTypes<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum AskedTimes {
    Range { start_time: String, end_time: String },
    At { at: String },
}

/// The answer to a question: `times` are the open times of the `chosen` event types, in their order.
///
/// # Errors
///
/// [`Error::AnswerTooLarge`].
pub(crate) fn of(question: &Question, chosen: &[Chosen], times: &[OpenTimes]) -> Result<Answer, Error> {
    let found = Entries::of(times, question.matching);
    let (collection, next, asked_times) = match question.times {
        Times::Range { range, limit } => {
            let start_time = times.iter().filter_map(OpenTimes::start_time).min();
            let start_time = start_time.ok_or(Error::Internal { reason: "a range without a window" })?;
            let asked = AskedTimes::Range { start_time: utc(start_time), end_time: utc(range.end_time()) };
            (found.first(limit.unwrap_or(usize::MAX)), None, asked)
        }
        Times::At(at) => {
            (found.at(at), Some(found.after(at).first(NEXT)), AskedTimes::At { at: utc(at.moment()) })
        }
    };
    let event_type = match chosen {
        [one] => EventTypes::One(one.choice.uri.as_str()),
        several => EventTypes::Several(several.iter().map(|chosen| chosen.choice.uri.as_str()).collect()),
    };
    let mut writer = Writer {
        answer: String::new(),
        chosen,
        matching: question.matching,
        offsets: question.timezone.as_ref().map(Zone::offsets),
    };
    let available = writer.push_list(r#"{"collection":["#, &collection)?;
    if let Some(next) = &next {
        writer.push_list(r#","next":["#, next)?;
    }
    let as_of = times.iter().filter_map(OpenTimes::as_of).min();
    let others = Others { available, event_type, times: asked_times, as_of: as_of.map(utc) };
    let others = serde_json::to_string(&others)
        .map_err(|_| Error::Internal { reason: "what stands beside the slots makes no JSON" })?;
    writer.answer.push(',');
    writer.answer.push_str(others.trim_start_matches('{'));
    let age = as_of.map(|as_of| (Utc::now() - as_of).to_std().unwrap_or_default());
    Ok(Answer { json: writer.answer, age })
}

/// Puts the slots together as text: they are JSON already and are not looked through again.
struct Writer<'a> {
    answer: String,
    chosen: &'a [Chosen],
    matching: Match,
    offsets: Option<Offsets<'a>>,
}

impl Writer<'_> {
    /// Pushes a list of entries, and says whether any slot in it is available.
    fn push_list(&mut self, start: &str, entries: &Entries<'_>) -> Result<bool, Error> {
        let (mut length, mut is_any_available) = (0, false);
        entries.for_each(|entry| {
            length += entry.iter().map(|placed| placed.object.len() + self.more(placed)).sum::<usize>();
            is_any_available |= entry.iter().any(Placed::is_available);
        });
        if length > LARGEST {
            return Err(Error::AnswerTooLarge { reason: "the slots have more than 32 MiB" });
        }
        self.answer.reserve(start.len() + length + OTHERS_LENGTH);
        self.answer.push_str(start);
        let mut is_first = true;
        entries.for_each(|entry| {
            if !std::mem::take(&mut is_first) {
                self.answer.push(',');
            }
            match self.matching {
                Match::Any => entry.iter().for_each(|placed| self.push_slot(placed)),
                Match::All => self.push_instant(entry),
            }
        });
        self.answer.push(']');
        Ok(is_any_available)
    }

    /// By how much a slot that starts at a whole second is longer in the answer, at most.
    fn more(&self, placed: &Placed<'_>) -> usize {
        let is_framed = self.chosen.len() > 1 || self.matching == Match::All;
        let frame = if is_framed { FRAME_LENGTH + self.uri(placed).len() } else { 0 };
        1 + frame + if self.offsets.is_some() { LOCAL_TIMES_LENGTH } else { 0 }
    }

    fn uri(&self, placed: &Placed<'_>) -> &str {
        self.chosen.get(placed.event_type).map(|chosen| chosen.choice.uri.as_str()).unwrap_or_default()
    }

    /// An instant at which all are free.
    fn push_instant(&mut self, slots: &[Placed<'_>]) {
        let Some(first) = slots.first() else { return };
        let start_time = first.slot.start_time;
        self.answer.push_str(r#"{"start_time":""#);
        self.answer.push_str(&utc(start_time));
        self.answer.push('"');
        self.push_local("local_start_time", start_time);
        self.answer.push_str(r#","slots":{"#);
        for (index, placed) in slots.iter().enumerate() {
            let uri = self.uri(placed).to_owned();
            self.answer.push_str(if index > 0 { r#",""# } else { r#"""# });
            self.answer.push_str(&uri);
            self.answer.push_str(r#"":"#);
            self.push_slot(placed);
        }
        self.answer.push_str("}}");
    }

    /// Calendly's object as it is, with more members at its end where there are any: `event_type` where slots of
    /// several stand side by side, then the local times.
    fn push_slot(&mut self, placed: &Placed<'_>) {
        let names_event_type = self.matching == Match::Any && self.chosen.len() > 1;
        if !names_event_type && self.offsets.is_none() {
            self.answer.push_str(placed.object);
            return;
        }
        self.answer.push_str(placed.object.strip_suffix('}').unwrap_or(placed.object).trim_end());
        if names_event_type {
            let uri = self.uri(placed).to_owned();
            self.answer.push_str(r#","event_type":""#);
            self.answer.push_str(&uri);
            self.answer.push('"');
        }
        let start_time = placed.slot.start_time;
        self.push_local("local_start_time", start_time);
        let duration = self.chosen.get(placed.event_type).and_then(|chosen| chosen.choice.duration);
        if let Some(end_time) = duration.and_then(|duration| start_time.checked_add_signed(duration)) {
            self.push_local("local_end_time", end_time);
        }
        self.answer.push('}');
    }

    /// One more member, if there is a zone.
    fn push_local(&mut self, name: &str, time: DateTime<Utc>) {
        let Some(offsets) = &mut self.offsets else { return };
        let local = local(time, offsets);
        for part in [r#",""#, name, r#"":""#, &local, r#"""#] {
            self.answer.push_str(part);
        }
    }
}

/// RFC 3339 with the zone's offset at that moment.
fn local(time: DateTime<Utc>, offsets: &mut Offsets<'_>) -> String {
    time.with_timezone(&offsets.at(time)).to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::Value;
    use shared::calendly::{Answered, AvailableTimes, EventTypeUri, TimeWindow};

    use super::*;
    use crate::{event_type::Choice, open_times::Window};

    const DAY: &str = "start_time=2026-10-25T00:00:00Z&end_time=2026-10-26T00:00:00Z";

    /// What is asked with `query`, where the event types `A`, `B` and so on have these slots.
    fn answered(query: &str, slots: &[&[&str]], duration: Option<TimeDelta>) -> Result<Answer, Error> {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let now = time("2026-10-01T00:00:00Z");
        let question = Question::parse(&format!("{query}&event_type=a").parse().unwrap(), now).unwrap();
        let asked =
            TimeWindow { start_time: time("2026-10-25T00:00:00Z"), end_time: time("2026-10-26T00:00:00Z") };
        let open_times = slots.iter().map(|slots| {
            let collection = format!(r#"{{"collection":[{}]}}"#, slots.join(","));
            let times = AvailableTimes::parse(collection).unwrap();
            let mut open_times = OpenTimes::default();
            open_times.add(Window::whole(Answered { times, asked, as_of: asked.start_time }));
            open_times
        });
        let chosen = ["A", "B", "C"].iter().take(slots.len()).map(|id| {
            let uri = EventTypeUri::from_id(id).unwrap();
            Chosen::of(Choice { uri, duration, duration_options: Vec::new() })
        });
        of(&question, &chosen.collect::<Vec<_>>(), &open_times.collect::<Vec<_>>())
    }

    fn answer(slots: &[&str], zone: Option<&str>, duration: Option<TimeDelta>) -> String {
        let zone = zone.map(|zone| format!("&timezone={zone}")).unwrap_or_default();
        answered(&format!("{DAY}{zone}"), &[slots], duration).unwrap().json
    }

    #[test]
    fn calendlys_objects_stand_in_the_answer_byte_for_byte() {
        let slot = r#"{ "start_time" : "2026-10-25T00:30:00.000000Z", "n": 1.50e1, "status": "available", "future": {"x":[]} }"#;
        assert_eq!(
            answer(&[slot], None, None),
            format!(
                r#"{{"collection":[{slot}],"available":true,"event_type":"https://api.calendly.com/event_types/A","start_time":"2026-10-25T00:00:00Z","end_time":"2026-10-26T00:00:00Z"}}"#
            )
        );
    }

    #[test]
    fn local_times_have_the_offset_of_their_moment() {
        let slot = r#"{"start_time":"2026-10-25T00:30:00.000000Z", "n": 1.0 }"#;
        let answer = answer(&[slot], Some("Europe/Lisbon"), Some(TimeDelta::minutes(60)));
        assert!(
            answer.contains(
                r#"{"start_time":"2026-10-25T00:30:00.000000Z", "n": 1.0,"local_start_time":"2026-10-25T01:30:00+01:00","local_end_time":"2026-10-25T01:30:00+00:00"}"#
            ),
            "{answer}"
        );
    }

    #[test]
    fn without_a_known_duration_there_is_no_local_end() {
        let answer = answer(&[r#"{"start_time":"2026-10-25T00:30:00Z"}"#], Some("UTC"), None);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["collection"][0]["local_start_time"], "2026-10-25T00:30:00+00:00");
        assert_eq!(answer["collection"][0].get("local_end_time"), None);
    }

    #[test]
    fn available_says_whether_any_slot_is() {
        let slots = [
            r#"{"start_time":"2026-10-25T00:30:00Z","status":"unavailable"}"#,
            r#"{"start_time":"2026-10-25T01:00:00Z","status":"available"}"#,
        ];
        for (slots, expected) in [(&slots[..], true), (&slots[..1], false), (&slots[..0], false)] {
            let answer: Value = serde_json::from_str(&answer(slots, None, None)).unwrap();
            assert_eq!(answer["available"], expected);
        }
    }

    const HALF_PAST: &str = r#"{"start_time":"2026-10-25T00:30:00Z","status":"available"}"#;
    const ONE: &str = r#"{"start_time":"2026-10-25T01:00:00Z","status":"available"}"#;
    const TAKEN: &str = r#"{"start_time":"2026-10-25T02:00:00Z","status":"unavailable"}"#;

    #[test]
    fn slots_of_several_say_whose_they_are() {
        let several: Value =
            serde_json::from_str(&answered(DAY, &[&[HALF_PAST], &[TAKEN]], None).unwrap().json).unwrap();
        let uri = |id: &str| format!("https://api.calendly.com/event_types/{id}");
        assert_eq!(several["event_type"], serde_json::json!([uri("A"), uri("B")]));
        let event_types = several["collection"].as_array().unwrap().iter().map(|slot| &slot["event_type"]);
        assert_eq!(event_types.collect::<Vec<_>>(), [&uri("A"), &uri("B")]);
        let alone: Value = serde_json::from_str(&answer(&[HALF_PAST], None, None)).unwrap();
        assert_eq!(alone["collection"][0].get("event_type"), None);
    }

    #[test]
    fn instants_at_which_all_are_free_hold_the_slots_by_event_type() {
        let query = format!("{DAY}&match=all&timezone=Europe/Lisbon");
        let all = answered(&query, &[&[HALF_PAST, ONE], &[ONE, TAKEN]], None).unwrap().json;
        let local = r#""local_start_time":"2026-10-25T01:00:00+00:00""#;
        let slot = ONE.replace('}', &format!(",{local}}}"));
        let uri = "https://api.calendly.com/event_types/";
        let collection = format!(
            r#"{{"collection":[{{"start_time":"2026-10-25T01:00:00Z",{local},"slots":{{"{uri}A":{slot},"{uri}B":{slot}}}}}],"#
        );
        assert!(all.starts_with(&collection), "{all}\n{collection}");
    }

    /// What is reserved beyond what is needed costs memory, and what lacks costs a copy of all.
    #[test]
    fn the_room_that_is_reserved_is_enough_and_little_more() {
        let slots: Vec<_> =
            (10..50).map(|minute| HALF_PAST.replace(":30:", &format!(":{minute}:"))).collect();
        let slots: Vec<&str> = slots.iter().map(String::as_str).collect();
        let duration = Some(TimeDelta::minutes(30));
        for (event_types, matching) in [(1, ""), (1, "&match=all"), (2, ""), (3, ""), (2, "&match=all")] {
            for zone in ["", "&timezone=Europe/Lisbon"] {
                let query = format!("{DAY}{matching}{zone}");
                let slots_of_each = vec![&slots[..]; event_types];
                let json = answered(&query, &slots_of_each, duration).unwrap().json;
                let is_framed = event_types > 1 || !matching.is_empty();
                let frame = FRAME_LENGTH + "https://api.calendly.com/event_types/A".len();
                let around = if is_framed { frame } else { 0 };
                let local_times = if zone.is_empty() { 0 } else { LOCAL_TIMES_LENGTH };
                let slot = HALF_PAST.len() + 1 + around + local_times;
                let list = r#"{"collection":["#.len() + slots.len() * event_types * slot;
                // A string that has to grow has at least twice the room.
                assert_eq!(json.capacity(), list + OTHERS_LENGTH, "{query} {event_types}");
            }
        }
    }

    #[test]
    fn slots_of_32_mib_are_answered_and_a_byte_more_is_refused() {
        let slot = |length: usize| {
            let empty = r#"{"start_time":"2026-10-25T00:30:00Z","future":""}"#;
            empty.replace("\"\"", &format!("\"{}\"", "x".repeat(length - empty.len())))
        };
        // With the comma after it.
        let most = 33_554_432;
        let largest = slot(most - 1);
        assert!(answer(&[&largest], None, None).contains(&largest));
        let half = slot(most / 2);
        let another_half = half.replace("00:30", "01:00");
        for slots in [&[&*slot(most)][..], &[&half, &another_half]] {
            assert!(matches!(answered(DAY, &[slots], None), Err(Error::AnswerTooLarge { .. })));
        }
    }
}
