//! The JSON of the response: Calendly's `collection`, and what callers would otherwise have to compute.

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use shared::{
    Answer, Error,
    calendly::{MAX_BYTES_PER_REQUEST, utc},
};

use crate::{
    FoundSlots,
    entries::{Entries, EntrySlot},
    merge::SlotList,
    question::{MAX_NEXT, Match, Offsets, Question, RequestedTimes, Zone},
    resolve::EventType,
};

/// The length of the two local times that are added to a slot.
const LOCAL_TIMES_LENGTH: usize =
    r#","local_start_time":"2026-12-01T09:00:00+00:00","local_end_time":"2026-12-01T09:00:00+00:00""#.len();

/// The length of the other JSON around a slot, without the event type's URI.
const FRAME_LENGTH: usize =
    r#"{"start_time":"2026-12-01T09:00:00.000000000Z","slots":{"":}}"local_start_time":"2026-12-01T09:00:00+00:00","#
        .len();

/// The space reserved for the members other than the collection.
const OTHER_MEMBERS_LENGTH: usize = 256;

/// Writes the response to a question. Fails with [`Error::AnswerTooLarge`].
pub(crate) fn to_json(question: &Question, found: &FoundSlots) -> Result<Answer, Error> {
    let FoundSlots { event_types, lists } = found;
    let mut writer = Writer {
        json: String::new(),
        event_types,
        match_mode: question.match_mode,
        duration: question.duration,
        offsets: question.timezone.as_ref().map(Zone::offsets),
    };
    let entries = Entries::new(lists, question.match_mode);
    let start = r#"{"collection":["#;
    match question.times {
        RequestedTimes::Range { range, limit } => {
            let available = writer.push_entries(start, &entries.limited_to(limit))?;
            writer.push_subject(available);
            let start_time =
                lists.iter().filter_map(SlotList::start_time).min().unwrap_or(range.start_time());
            writer.push_member("start_time", &utc(start_time));
            writer.push_member("end_time", &utc(range.end_time()));
        }
        RequestedTimes::Point(point) => {
            let available = writer.push_entries(start, &entries.at(point))?;
            writer.push_entries(r#","next":["#, &entries.after(point).first(MAX_NEXT))?;
            writer.push_subject(available);
            writer.push_member("at", &utc(point.moment()));
        }
    }
    let as_of = found.as_of();
    if let Some(as_of) = as_of {
        writer.push_member("as_of", &utc(as_of));
    }
    writer.json.push('}');
    let age = as_of.map(|as_of| (Utc::now() - as_of).to_std().unwrap_or_default());
    Ok(Answer { json: writer.json, age })
}

/// Writes JSON as text: slots are already JSON, and no other value needs to be escaped.
struct Writer<'a> {
    json: String,
    event_types: &'a [EventType],
    match_mode: Match,
    /// The requested duration, which is that of every slot.
    duration: Option<TimeDelta>,
    offsets: Option<Offsets<'a>>,
}

impl<'a> Writer<'a> {
    /// Writes `available` and `event_type`.
    fn push_subject(&mut self, available: bool) {
        self.json.push_str(if available { r#","available":true"# } else { r#","available":false"# });
        match self.event_types {
            [one] => self.push_member("event_type", one.resolved.uri.as_str()),
            several => {
                let uris: Vec<_> = several.iter().map(|it| it.resolved.uri.as_str()).collect();
                self.push_all(&[r#","event_type":[""#, &uris.join(r#"",""#), r#""]"#]);
            }
        }
    }

    /// Writes one more member.
    fn push_member(&mut self, name: &str, value: &str) {
        self.push_all(&[r#",""#, name, r#"":""#, value, r#"""#]);
    }

    fn push_all(&mut self, parts: &[&str]) {
        parts.iter().for_each(|part| self.json.push_str(part));
    }

    /// Writes an array of entries, and returns whether any slot in it is available.
    fn push_entries(&mut self, start: &str, entries: &Entries<'_>) -> Result<bool, Error> {
        let (mut length, mut is_any_available) = (0, false);
        entries.for_each(|entry| {
            length += entry.iter().map(|slot| slot.object.len() + self.added_length(slot)).sum::<usize>();
            is_any_available |= entry.iter().any(EntrySlot::is_available);
        });
        if length > MAX_BYTES_PER_REQUEST {
            return Err(Error::AnswerTooLarge { reason: "the slots exceed the size limit" });
        }
        self.json.reserve(start.len() + length + OTHER_MEMBERS_LENGTH);
        self.json.push_str(start);
        let mut is_first = true;
        entries.for_each(|entry| {
            if !std::mem::take(&mut is_first) {
                self.json.push(',');
            }
            match self.match_mode {
                Match::Any => entry.iter().for_each(|slot| self.push_slot(slot)),
                Match::All => self.push_instant(entry),
            }
        });
        self.json.push(']');
        Ok(is_any_available)
    }

    /// The maximum number of bytes added to the object of a slot that starts at a whole second.
    fn added_length(&self, slot: &EntrySlot<'_>) -> usize {
        let is_framed = self.event_types.len() > 1 || self.match_mode == Match::All;
        let frame = if is_framed { FRAME_LENGTH + self.uri(slot).len() } else { 0 };
        1 + frame + if self.offsets.is_some() { LOCAL_TIMES_LENGTH } else { 0 }
    }

    fn uri(&self, slot: &EntrySlot<'_>) -> &'a str {
        self.event_types.get(slot.event_type).map_or("", |it| it.resolved.uri.as_str())
    }

    /// Writes an instant at which all event types are available.
    fn push_instant(&mut self, slots: &[EntrySlot<'_>]) {
        let Some(first) = slots.first() else { return };
        let start_time = first.slot.start_time;
        self.push_all(&[r#"{"start_time":""#, &utc(start_time), r#"""#]);
        self.push_local("local_start_time", start_time);
        self.json.push_str(r#","slots":{"#);
        for (index, slot) in slots.iter().enumerate() {
            let separator = if index > 0 { r#",""# } else { r#"""# };
            self.push_all(&[separator, self.uri(slot), r#"":"#]);
            self.push_slot(slot);
        }
        self.json.push_str("}}");
    }

    /// Writes Calendly's object byte for byte, with members added at its end: `event_type` where slots of several event
    /// types are mixed, then the local times.
    fn push_slot(&mut self, slot: &EntrySlot<'_>) {
        let has_event_type = self.match_mode == Match::Any && self.event_types.len() > 1;
        if !has_event_type && self.offsets.is_none() {
            self.json.push_str(slot.object);
            return;
        }
        self.json.push_str(slot.object.strip_suffix('}').unwrap_or(slot.object).trim_end());
        if has_event_type {
            self.push_member("event_type", self.uri(slot));
        }
        let start_time = slot.slot.start_time;
        self.push_local("local_start_time", start_time);
        let own_duration = self.event_types.get(slot.event_type).and_then(|it| it.resolved.duration);
        if let Some(end_time) =
            self.duration.or(own_duration).and_then(|duration| start_time.checked_add_signed(duration))
        {
            self.push_local("local_end_time", end_time);
        }
        self.json.push('}');
    }

    /// Writes one more member if there is a time zone: RFC 3339 with the zone's offset at that moment.
    fn push_local(&mut self, name: &str, time: DateTime<Utc>) {
        let Some(offsets) = &mut self.offsets else { return };
        let local = time.with_timezone(&offsets.at(time));
        // RFC 3339 has no later years.
        if local.year() > 9999 {
            return;
        }
        self.push_member(name, &local.to_rfc3339_opts(SecondsFormat::AutoSi, false));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;
    use shared::calendly::{Availability, AvailableTimes, EventTypeUri, TimeWindow};

    use super::*;
    use crate::{event_type::ResolvedEventType, merge::WindowSlots, question::SlotRange};

    const DAY: &str = "start_time=2026-10-25T00:00:00Z&end_time=2026-10-26T00:00:00Z";

    /// The response to `query`, where the event types `A`, `B` and so on have these slots.
    fn respond(query: &str, slots: &[&[&str]], duration: Option<TimeDelta>) -> Result<Answer, Error> {
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let now = time("2026-10-01T00:00:00Z");
        let question = Question::parse(&format!("{query}&event_type=a").parse().unwrap(), now).unwrap();
        let window =
            TimeWindow { start_time: time("2026-10-25T00:00:00Z"), end_time: time("2026-10-26T00:00:00Z") };
        let lists = slots.iter().map(|slots| {
            let collection = format!(r#"{{"collection":[{}]}}"#, slots.join(","));
            let times = AvailableTimes::parse(collection).unwrap();
            let mut list = SlotList::default();
            let range =
                SlotRange { start_time: window.start_time, end_time: window.end_time, includes_end: true };
            let availability = Arc::new(Availability { times, window, as_of: window.start_time });
            list.add(WindowSlots { availability, range, is_cached: false });
            list
        });
        let event_types = ["A", "B", "C"].iter().take(slots.len()).map(|id| {
            let uri = EventTypeUri::from_id(id).unwrap();
            EventType::new(ResolvedEventType { uri, duration, duration_options: Vec::new() })
        });
        to_json(&question, &FoundSlots { event_types: event_types.collect(), lists: lists.collect() })
    }

    fn answer(slots: &[&str]) -> String {
        respond(DAY, &[slots], None).unwrap().json
    }

    #[test]
    fn calendlys_objects_are_passed_on_byte_for_byte() {
        let slot = r#"{ "start_time" : "2026-10-25T00:30:00.000000Z", "n": 1.50e1, "status": "available", "future": {"x":[]} }"#;
        assert_eq!(
            answer(&[slot]),
            format!(
                r#"{{"collection":[{slot}],"available":true,"event_type":"https://api.calendly.com/event_types/A","start_time":"2026-10-25T00:00:00Z","end_time":"2026-10-26T00:00:00Z"}}"#
            )
        );
    }

    #[test]
    fn local_times_have_the_zones_offset_and_end_after_the_known_duration() {
        for (query, duration, expected) in [
            (
                "timezone=Europe/Lisbon",
                Some(60),
                r#","local_start_time":"2026-10-25T01:30:00+01:00","local_end_time":"2026-10-25T01:30:00+00:00"}"#,
            ),
            (
                "timezone=UTC&duration=60",
                Some(30),
                r#","local_start_time":"2026-10-25T00:30:00+00:00","local_end_time":"2026-10-25T01:30:00+00:00"}"#,
            ),
            ("timezone=UTC", None, r#","local_start_time":"2026-10-25T00:30:00+00:00"}"#),
        ] {
            let slot = r#"{"start_time":"2026-10-25T00:30:00.000000Z", "n": 1.0 }"#;
            let duration = duration.map(TimeDelta::minutes);
            let answer = respond(&format!("{DAY}&{query}"), &[&[slot]], duration).unwrap().json;
            let expected = format!(r#"[{{"start_time":"2026-10-25T00:30:00.000000Z", "n": 1.0{expected}]"#);
            assert!(answer.contains(&expected), "{answer}");
        }
    }

    #[test]
    fn available_is_true_if_any_slot_is() {
        let slots = [
            r#"{"start_time":"2026-10-25T00:30:00Z","status":"unavailable"}"#,
            r#"{"start_time":"2026-10-25T01:00:00Z","status":"available"}"#,
        ];
        for (slots, expected) in [(&slots[..], true), (&slots[..1], false), (&slots[..0], false)] {
            let answer: Value = serde_json::from_str(&answer(slots)).unwrap();
            assert_eq!(answer["available"], expected);
        }
    }

    const HALF_PAST: &str = r#"{"start_time":"2026-10-25T00:30:00Z","status":"available"}"#;
    const ONE: &str = r#"{"start_time":"2026-10-25T01:00:00Z","status":"available"}"#;
    const TAKEN: &str = r#"{"start_time":"2026-10-25T02:00:00Z","status":"unavailable"}"#;

    #[test]
    fn slots_of_several_event_types_name_theirs() {
        let several: Value =
            serde_json::from_str(&respond(DAY, &[&[HALF_PAST], &[TAKEN]], None).unwrap().json).unwrap();
        let uri = |id: &str| format!("https://api.calendly.com/event_types/{id}");
        assert_eq!(several["event_type"], serde_json::json!([uri("A"), uri("B")]));
        let event_types = several["collection"].as_array().unwrap().iter().map(|slot| &slot["event_type"]);
        assert_eq!(event_types.collect::<Vec<_>>(), [&uri("A"), &uri("B")]);
        let alone: Value = serde_json::from_str(&answer(&[HALF_PAST])).unwrap();
        assert_eq!(alone["collection"][0].get("event_type"), None);
    }

    #[test]
    fn match_all_groups_slots_by_instant() {
        let query = format!("{DAY}&match=all&timezone=Europe/Lisbon");
        let all = respond(&query, &[&[HALF_PAST, ONE], &[ONE, TAKEN]], None).unwrap().json;
        let local = r#""local_start_time":"2026-10-25T01:00:00+00:00""#;
        let slot = ONE.replace('}', &format!(",{local}}}"));
        let uri = "https://api.calendly.com/event_types/";
        let collection = format!(
            r#"{{"collection":[{{"start_time":"2026-10-25T01:00:00Z",{local},"slots":{{"{uri}A":{slot},"{uri}B":{slot}}}}}],"#
        );
        assert!(all.starts_with(&collection), "{all}\n{collection}");
    }

    /// Too much wastes memory; too little costs a copy of the whole response.
    #[test]
    fn reserved_capacity_is_exact() {
        let slots: Vec<_> =
            (10..50).map(|minute| HALF_PAST.replace(":30:", &format!(":{minute}:"))).collect();
        let slots: Vec<&str> = slots.iter().map(String::as_str).collect();
        let duration = Some(TimeDelta::minutes(30));
        for (event_types, matching) in [(1, ""), (1, "&match=all"), (2, ""), (3, ""), (2, "&match=all")] {
            for zone in ["", "&timezone=Europe/Lisbon"] {
                let query = format!("{DAY}{matching}{zone}");
                let slots_of_each = vec![&slots[..]; event_types];
                let json = respond(&query, &slots_of_each, duration).unwrap().json;
                let is_framed = event_types > 1 || !matching.is_empty();
                let frame = FRAME_LENGTH + "https://api.calendly.com/event_types/A".len();
                let around = if is_framed { frame } else { 0 };
                let local_times = if zone.is_empty() { 0 } else { LOCAL_TIMES_LENGTH };
                let slot = HALF_PAST.len() + 1 + around + local_times;
                let list = r#"{"collection":["#.len() + slots.len() * event_types * slot;
                // A string that had to grow has at least twice the capacity.
                assert_eq!(json.capacity(), list + OTHER_MEMBERS_LENGTH, "{query} {event_types}");
            }
        }
    }

    #[test]
    fn the_maximum_size_of_all_slots() {
        let slot = |length: usize| {
            let empty = r#"{"start_time":"2026-10-25T00:30:00Z","future":""}"#;
            empty.replace("\"\"", &format!("\"{}\"", "x".repeat(length - empty.len())))
        };
        // With the comma after it.
        let most = 33_554_432;
        let largest = slot(most - 1);
        assert!(answer(&[&largest]).contains(&largest));
        let half = slot(most / 2);
        let another_half = half.replace("00:30", "01:00");
        for slots in [&[&*slot(most)][..], &[&half, &another_half]] {
            assert!(matches!(respond(DAY, &[slots], None), Err(Error::AnswerTooLarge { .. })));
        }
    }
}
