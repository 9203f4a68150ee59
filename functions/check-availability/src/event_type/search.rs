//! The search of the user's list of event types for the selected ones.

use std::ops::ControlFlow;

use serde::{Deserialize, de::IgnoredAny};
use shared::{
    Error, RawValue,
    calendly::{Calendly, EventTypeUri, EventTypeVisitor, undocumented_event_type},
    quoted,
};

use super::{
    reference::{BookingLink, EventTypeSelector},
    resolved::{Durations, ResolvedEventType},
};

/// The members of an event type that [`EventTypeSelector`] matches on.
#[derive(Deserialize)]
struct ListEntry {
    uri: String,
    slug: Option<String>,
    scheduling_url: Option<String>,
    active: Option<bool>,
    deleted_at: Option<IgnoredAny>,
    booking_method: Option<String>,
}

impl ListEntry {
    fn parse(event_type: &RawValue) -> Result<Self, Error> {
        serde_json::from_str(event_type.get()).map_err(|_| undocumented_event_type())
    }

    fn is_bookable(&self) -> bool {
        is_bookable(self.active, self.deleted_at.is_some(), self.booking_method.as_deref())
    }
}

impl EventTypeSelector {
    /// Searches the user's event types, sorted by name, for each of `selectors`.
    /// An inner error is an event type that is not found, or a slug that several share.
    pub(crate) async fn search(
        selectors: &[&Self],
        calendly: &Calendly<'_>,
    ) -> Result<Vec<Result<ResolvedEventType, Error>>, Error> {
        let mut search = ListSearch::new(selectors);
        calendly.event_types(Some(true), &mut search).await?;
        Ok(search.results())
    }

    fn matches(&self, entry: &ListEntry) -> bool {
        entry.is_bookable()
            && match self {
                Self::First => true,
                Self::Slug(slug) => entry.slug.as_ref() == Some(slug),
                Self::BookingLink(link) => {
                    entry.scheduling_url.as_deref().and_then(BookingLink::parse).as_ref() == Some(link)
                }
            }
    }

    /// The error if there is no such event type.
    fn not_found(&self) -> Error {
        let no_match = |what: &str, text: &str| {
            format!(
                "No bookable event type has the {what} {}: /calendly/user-event-types lists them.",
                quoted(text)
            )
        };
        let (detail, reason) = match self {
            Self::First => (
                "This user has no bookable event type: activate one in Calendly.".to_owned(),
                "the PAT's user has no bookable event type",
            ),
            Self::Slug(slug) => {
                (no_match("slug", slug), "no bookable event type of the PAT's user has the requested slug")
            }
            Self::BookingLink(link) => (
                no_match("booking link", link.as_str()),
                "no bookable event type of the PAT's user has the requested booking link",
            ),
        };
        Error::NoEventType { detail, reason }
    }
}

/// Whether an event type with these members is bookable.
#[must_use]
pub fn is_bookable(active: Option<bool>, is_deleted: bool, booking_method: Option<&str>) -> bool {
    active == Some(true) && !is_deleted && booking_method == Some("instant")
}

/// The error for a slug that several bookable event types share.
fn ambiguous(slug: &str, found: &[ResolvedEventType]) -> Error {
    let uris: Vec<&str> = found.iter().map(|event_type| event_type.uri.as_str()).collect();
    let detail = format!(
        "event_type {} is the slug of {} bookable event types: send the URI of one of them, {}.",
        quoted(slug),
        uris.len(),
        uris.join(" or ")
    );
    Error::InvalidParameter {
        parameter: "event_type",
        detail,
        reason: "event_type is the slug of several bookable event types".into(),
    }
}

/// A search of the list for several event types at once.
struct ListSearch<'a> {
    searches: Vec<(&'a EventTypeSelector, Vec<ResolvedEventType>)>,
}

impl<'a> ListSearch<'a> {
    fn new(selectors: &[&'a EventTypeSelector]) -> Self {
        Self { searches: selectors.iter().map(|selector| (*selector, Vec::new())).collect() }
    }

    fn results(self) -> Vec<Result<ResolvedEventType, Error>> {
        let result = |(selector, mut found): (&EventTypeSelector, Vec<_>)| match (selector, found.len()) {
            (_, 0) => Err(selector.not_found()),
            (EventTypeSelector::Slug(slug), 2..) => Err(ambiguous(slug, &found)),
            _ => Ok(found.swap_remove(0)),
        };
        self.searches.into_iter().map(result).collect()
    }
}

impl EventTypeVisitor for ListSearch<'_> {
    fn restart(&mut self) {
        self.searches.iter_mut().for_each(|(_, found)| found.clear());
    }

    /// A search for a slug reads the whole list to detect duplicates. The other searches end with the first match.
    fn visit(&mut self, event_type: &RawValue) -> Result<ControlFlow<()>, Error> {
        let entry = ListEntry::parse(event_type)?;
        let mut is_over = true;
        for (selector, found) in &mut self.searches {
            let is_slug = matches!(selector, EventTypeSelector::Slug(_));
            if (is_slug || found.is_empty()) && selector.matches(&entry) {
                let uri = EventTypeUri::parse(&entry.uri).ok_or_else(undocumented_event_type)?;
                if found.iter().all(|other| other.uri != uri) {
                    found.push(ResolvedEventType::with_durations(uri, &Durations::parse(event_type)?));
                }
            }
            is_over &= !is_slug && !found.is_empty();
        }
        Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::{Value, json};

    use super::{super::EventTypeRef, *};

    fn search(
        selectors: &[&EventTypeSelector],
        entries: &[Value],
    ) -> Result<Vec<Result<ResolvedEventType, Error>>, Error> {
        let mut search = ListSearch::new(selectors);
        for entry in entries {
            if search.visit(&serde_json::value::to_raw_value(entry).unwrap())?.is_break() {
                break;
            }
        }
        Ok(search.results())
    }

    fn found(selector: &EventTypeSelector, entries: &[Value]) -> Option<ResolvedEventType> {
        search(&[selector], entries).unwrap().remove(0).ok()
    }

    fn row(id: &str, changes: Value) -> Value {
        let mut row = json!({
            "uri": format!("https://api.calendly.com/event_types/{id}"), "slug": "intro", "active": true,
            "deleted_at": null, "booking_method": "instant", "duration": 30,
        });
        for (name, value) in changes.as_object().unwrap() {
            row[name] = value.clone();
        }
        row
    }

    #[test]
    fn only_bookable_event_types_are_found() {
        let rows = [
            row("inactive", json!({"active": false})),
            row("deleted", json!({"deleted_at": "2026-01-01T00:00:00.000000Z"})),
            row("poll", json!({"booking_method": "poll"})),
            row("good", json!({"duration": 22.5})),
            row("second", json!({"slug": "second"})),
        ];
        let good = ResolvedEventType {
            uri: EventTypeUri::from_id("good").unwrap(),
            duration: Some(TimeDelta::seconds(1_350)),
            duration_options: Vec::new(),
        };
        assert_eq!(found(&EventTypeSelector::First, &rows), Some(good.clone()));
        assert_eq!(found(&EventTypeSelector::Slug("intro".to_owned()), &rows), Some(good));
        assert_eq!(found(&EventTypeSelector::Slug("intro".to_owned()), &rows[..3]), None);
        assert_eq!(found(&EventTypeSelector::Slug("Intro".to_owned()), &rows), None);
        assert_eq!(found(&EventTypeSelector::First, &[]), None);
    }

    #[test]
    fn booking_links() {
        let link = |text: &str| match EventTypeRef::parse(Some(text)) {
            Ok(EventTypeRef::Selector(EventTypeSelector::BookingLink(link))) => link,
            other => panic!("{text}: {other:?}"),
        };
        let intro = link("https://calendly.com/robin/intro");
        for other in [
            "https://www.calendly.com/robin/intro",
            "https://calendly.com/robin/intro/",
            "https://calendly.com/robin/intro?month=2026-12",
            "https://calendly.com/robin/intro/?back=1",
            "HTTPS://Calendly.com/robin/intro",
        ] {
            assert_eq!(link(other), intro, "{other}");
        }
        let entries = ["other", "robin"].map(|owner| {
            row(owner, json!({"scheduling_url": format!("https://calendly.com/{owner}/intro")}))
        });
        let id = |link: BookingLink| {
            found(&EventTypeSelector::BookingLink(link), &entries).map(|it| it.uri.id().to_owned())
        };
        assert_eq!(id(intro).as_deref(), Some("robin"));
        assert_eq!(id(link("https://calendly.com/nobody/intro")), None);
    }

    #[test]
    fn a_slug_that_several_bookable_event_types_share_is_refused() {
        let slug = EventTypeSelector::Slug("intro".to_owned());
        let inactive = row("inactive", json!({"active": false}));
        let entries = [row("a", json!({})), inactive, row("a", json!({})), row("b", json!({}))];
        let error = search(&[&slug], &entries).unwrap().remove(0).unwrap_err();
        assert_eq!(error.code(), "invalid_parameter");
        let detail = error.to_string();
        for uri in ["https://api.calendly.com/event_types/a", "https://api.calendly.com/event_types/b"] {
            assert!(detail.contains(uri), "{detail}");
        }
        assert!(found(&slug, &entries[..3]).is_some(), "one event type, listed twice");
    }

    #[test]
    fn one_search_finds_several() {
        let slug = |slug: &str| EventTypeSelector::Slug(slug.to_owned());
        let rows = ["a", "b", "c"].map(|text| row(text, json!({"slug": text})));
        let found = search(&[&slug("b"), &EventTypeSelector::First, &slug("d"), &slug("a")], &rows).unwrap();
        let ids: Vec<_> = found.iter().map(|result| result.as_ref().ok().map(|it| it.uri.id())).collect();
        assert_eq!(ids, [Some("b"), Some("a"), None, Some("a")]);
    }

    #[test]
    fn implausible_durations_are_unknown() {
        for duration in [json!(null), json!(0), json!(-5), json!(1e300), json!("30"), json!({}), json!(true)]
        {
            let choice =
                found(&EventTypeSelector::First, &[row("a", json!({"duration": duration}))]).unwrap();
            assert_eq!(choice.duration, None, "{duration}");
        }
        let mut without = row("a", json!({}));
        without.as_object_mut().unwrap().remove("duration");
        assert_eq!(found(&EventTypeSelector::First, &[without]).unwrap().duration, None);
    }

    #[test]
    fn undocumented_list_entries_are_errors() {
        for row in [json!({}), json!({"uri": 5}), row("a/b", json!({})), row("a", json!({"active": "yes"}))] {
            let error = search(&[&EventTypeSelector::First], std::slice::from_ref(&row)).unwrap_err();
            assert_eq!(error.code(), "calendly_invalid_response", "{row}");
        }
    }
}
