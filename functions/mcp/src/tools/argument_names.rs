//! Renames query parameters and routes to tool arguments and tools in the errors of check-availability.

use shared::Error;

/// Query parameters and the arguments that stand for them, and a route and its tool.
const NAMES: [(&str, &str); 6] = [
    ("start_time", "start"),
    ("end_time", "end"),
    ("event_type", "event_types"),
    ("duration", "duration_minutes"),
    ("limit", "max_times"),
    ("/calendly/user-event-types", "list_event_types"),
];

/// The same error with the names of the arguments.
pub(crate) fn with_argument_names(error: Error) -> Error {
    match error {
        Error::InvalidParameter { parameter, detail, reason } => Error::InvalidParameter {
            parameter: renamed(parameter),
            detail: renamed_text(&detail),
            reason: renamed_text(&reason).into(),
        },
        Error::NoEventType { detail, reason } => Error::NoEventType { detail: renamed_text(&detail), reason },
        Error::About { subject, error } => {
            Error::About { subject: renamed_text(&subject), error: Box::new(with_argument_names(*error)) }
        }
        other => other,
    }
}

fn renamed(word: &str) -> &str {
    NAMES.iter().find(|(from, _)| *from == word).map_or(word, |(_, to)| to)
}

/// Replaces whole words, but not in quotes, where a text has the caller's own value.
fn renamed_text(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        let (words, quoted) = rest.split_at(quote);
        let (value, following) = split_after_quoted(quoted);
        result.push_str(&renamed_words(words));
        result.push_str(value);
        rest = following;
    }
    result.push_str(&renamed_words(rest));
    result
}

fn renamed_words(text: &str) -> String {
    let words = text.split_inclusive(' ');
    words
        .map(|word| {
            let bare = word.trim_end_matches([' ', ':', ',', '.']);
            let punctuation = word.strip_prefix(bare).unwrap_or_default();
            [renamed(bare), punctuation].concat()
        })
        .collect()
}

/// Splits a text after the quoted value at its start, in which `\` escapes a quote.
fn split_after_quoted(text: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    text.split_at(end.map_or(text.len(), |end| end + "\"\"".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_outside_of_quotes_are_replaced() {
        for (text, expected) in [
            ("start_time is missing", "start is missing"),
            (r#"end_time "a \" end_time b" end_time: x"#, r#"end "a \" end_time b" end: x"#),
            (
                "duration \"30\" cannot be checked, since Calendly states none for this event type: omit duration.",
                "duration_minutes \"30\" cannot be checked, since Calendly states none for this event type: omit \
                 duration_minutes.",
            ),
            (r#"duration "\\" duration"#, r#"duration_minutes "\\" duration_minutes"#),
            (
                r#"No bookable event type has the slug "event_type é": /calendly/user-event-types lists them."#,
                r#"No bookable event type has the slug "event_type é": list_event_types lists them."#,
            ),
            (
                "send https://api.calendly.com/event_types/<id>, an id",
                "send https://api.calendly.com/event_types/<id>, an id",
            ),
            (
                "at cannot be combined with start_time: send either at, or start_time and end_time.",
                "at cannot be combined with start: send either at, or start and end.",
            ),
            ("", ""),
        ] {
            assert_eq!(renamed_text(text), expected);
        }
    }

    #[test]
    fn all_parts_of_an_error_name_the_argument() {
        let error = Error::invalid_value("end_time", "start_time", "is not after start_time.");
        let Error::InvalidParameter { parameter, detail, reason } = with_argument_names(error) else {
            panic!()
        };
        assert_eq!(
            (parameter, &*detail, &*reason),
            ("end", r#"end "start_time" is not after start."#, "end is not after start.")
        );
        let detail = "/calendly/user-event-types lists them.".to_owned();
        let error = with_argument_names(Error::NoEventType { detail, reason: "none" });
        assert_eq!(error.to_string(), "list_event_types lists them.");
    }

    #[test]
    fn errors_of_calendly_keep_their_words() {
        let error = Error::CalendlyInvalidResponse("the limit event_type".to_owned());
        let error = with_argument_names(error.about(r#"event_type "limit""#.to_owned()));
        let detail = error.to_string();
        assert!(detail.contains("the limit event_type"), "{detail}");
        assert!(detail.ends_with(r#"This concerns event_types "limit"."#), "{detail}");
    }
}
