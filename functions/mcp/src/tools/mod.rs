//! The tools, and their results.
//!
//! ```text
//! arguments ─▶ question of check-availability ─▶ slots ─▶ availability: days, text
//!           └▶ argument_names: its errors in the words of the tools
//! ```

mod argument_names;
pub mod arguments;
pub mod availability;
pub mod event_types;

use std::time::Duration;

use check_availability::CheckAvailability;
use chrono::Utc;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::{CalendlyCall, Error, Variables, calendly::Calendly};

use crate::{
    methods::{StatelessMembers, json},
    version::Version,
};
use argument_names::with_argument_names;
use arguments::{Arguments, TimesRequest};
use availability::Availability;
use event_types::EventTypeList;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Available times.
    CheckAvailability,
    /// Bookable event types.
    ListEventTypes,
    /// The URI of the user.
    GetUser,
}

impl Tool {
    /// All tools, in the order of the list.
    pub const ALL: [Self; 3] = [Self::CheckAvailability, Self::ListEventTypes, Self::GetUser];

    /// The tool of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CheckAvailability => "check_availability",
            Self::ListEventTypes => "list_event_types",
            Self::GetUser => "get_user",
        }
    }

    /// The names of the arguments.
    #[must_use]
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::CheckAvailability => {
                &["timezone", "start", "end", "at", "event_types", "match", "duration_minutes", "max_times"]
            }
            Self::ListEventTypes | Self::GetUser => &[],
        }
    }
}

/// A call of a tool, with its parsed arguments.
#[derive(Debug)]
pub enum ToolCall {
    /// `check_availability`.
    CheckAvailability(TimesRequest),
    /// `list_event_types`.
    ListEventTypes,
    /// `get_user`.
    GetUser,
}

/// The answer of a tool.
#[derive(Debug)]
pub struct ToolAnswer {
    /// The structured content, as JSON.
    pub structured: String,
    /// The text; `None` for the structured content as JSON.
    pub text: Option<String>,
    /// The age of a cached answer.
    pub age: Option<Duration>,
}

impl ToolCall {
    /// Parses the arguments of a call.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownArgument`] and [`Error::InvalidParameter`], which name the argument.
    pub fn parse(tool: Tool, arguments: &Arguments<'_>) -> Result<Self, Error> {
        arguments.check(tool)?;
        Ok(match tool {
            Tool::CheckAvailability => Self::CheckAvailability(arguments.to_times_request(Utc::now())?),
            Tool::ListEventTypes => Self::ListEventTypes,
            Tool::GetUser => Self::GetUser,
        })
    }
}

/// Answers calls of tools.
pub struct Tools {
    check_availability: CheckAvailability,
    includes_secret: bool,
}

impl Tools {
    /// Reads the variables of check-availability, and `INCLUDE_SECRET_EVENT_TYPES`.
    pub fn from_variables(variables: &mut Variables) -> Self {
        Self {
            check_availability: CheckAvailability::from_variables(variables),
            includes_secret: variables.flag("INCLUDE_SECRET_EVENT_TYPES", true),
        }
    }
}

/// A call and the tools that answer it.
pub(crate) struct BoundCall<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) call: &'a ToolCall,
}

impl CalendlyCall for BoundCall<'_> {
    type Output = ToolAnswer;

    async fn run(&self, calendly: &Calendly<'_>) -> Result<ToolAnswer, Error> {
        match self.call {
            ToolCall::CheckAvailability(request) => {
                let found = self.tools.check_availability.find(&request.question, calendly).await;
                let found = found.map_err(with_argument_names)?;
                let availability = Availability::new(request, &found, Utc::now())?;
                Ok(ToolAnswer {
                    structured: json(&availability),
                    age: availability.age,
                    text: Some(availability.text),
                })
            }
            ToolCall::ListEventTypes => {
                let mut list = EventTypeList::new(self.tools.includes_secret);
                calendly.event_types(Some(true), &mut list).await?;
                Ok(ToolAnswer { structured: list.into_json(), text: None, age: None })
            }
            ToolCall::GetUser => {
                #[derive(Serialize)]
                struct User<'a> {
                    uri: &'a str,
                }
                let uri = calendly.user_uri().await?;
                Ok(ToolAnswer { structured: json(&User { uri: uri.as_str() }), text: None, age: None })
            }
        }
    }
}

/// The result of `tools/call`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallToolResult<'a> {
    #[serde(flatten)]
    stateless: Option<StatelessMembers>,
    content: [TextContent<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
}

#[derive(Serialize)]
struct TextContent<'a> {
    r#type: &'static str,
    text: &'a str,
}

/// The result of an answer.
pub(crate) fn success(answer: ToolAnswer, version: Version) -> String {
    let text = answer.text.unwrap_or_else(|| answer.structured.clone());
    call_result(&text, answer.structured, false, version)
}

/// The result of a problem, so that a model can correct its call.
pub(crate) fn failure(error: &Error, problem: String, version: Version) -> String {
    call_result(&error.to_string(), problem, true, version)
}

fn call_result(text: &str, structured: String, is_error: bool, version: Version) -> String {
    json(&CallToolResult {
        stateless: StatelessMembers::for_version(version),
        content: [TextContent { r#type: "text", text }],
        structured_content: RawValue::from_string(structured).ok(),
        is_error,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn results_have_text_and_structured_content() {
        let answer = |text| ToolAnswer { structured: r#"{"uri":"u"}"#.to_owned(), text, age: None };
        assert_eq!(
            parse(&success(answer(None), Version::V2025_11_25)),
            json!({"content": [{"type": "text", "text": r#"{"uri":"u"}"#}], "structuredContent": {"uri": "u"}})
        );
        let result = parse(&success(answer(Some("Tuesday".to_owned())), Version::V2026_07_28));
        assert_eq!(result["content"][0]["text"], "Tuesday");
        assert_eq!(result["resultType"], "complete");
        assert!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["version"].is_string());
    }

    #[test]
    fn problems_are_results() {
        let error = Error::invalid_parameter("start", "start is empty.");
        assert_eq!(
            parse(&failure(&error, r#"{"code":"invalid_parameter"}"#.to_owned(), Version::V2025_03_26)),
            json!({
                "content": [{"type": "text", "text": "start is empty."}],
                "structuredContent": {"code": "invalid_parameter"}, "isError": true,
            })
        );
    }
}
