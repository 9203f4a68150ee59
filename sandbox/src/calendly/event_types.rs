//! `GET /event_types` with pagination, and `GET /event_types/{id}`:
//! <https://developer.calendly.com/api-docs/calendly-api/event-types/list-event-types>

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde::{Deserialize, Serialize};

use super::accounts::{Access, Accounts, Member};
use super::event_type::EventType;
use super::response::{CalendlyError, json, resource};
use super::uri::BASE;
use crate::app_state::AppState;

const DEFAULT_COUNT: usize = 20;
const MAX_COUNT: usize = 100;

/// Query parameters; others, such as `user_availability_schedule`, are ignored.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    user: Option<String>,
    organization: Option<String>,
    active: Option<String>,
    admin_managed: Option<String>,
    sort: Option<String>,
    count: Option<String>,
    page_token: Option<String>,
}

#[derive(Serialize)]
struct Page<'a> {
    collection: &'a [&'a EventType],
    pagination: Pagination,
}

#[derive(Serialize)]
struct Pagination {
    count: usize,
    next_page: Option<String>,
    previous_page: Option<String>,
    next_page_token: Option<String>,
    previous_page_token: Option<String>,
}

pub(super) async fn read(
    State(state): State<Arc<AppState>>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Result<Response<Body>, CalendlyError> {
    let owned = state.accounts.event_type(&access.caller, &id).readable()?;
    Ok(resource(&*owned.event_type))
}

/// Assumed: all error messages, and that an invalid `active`, `sort`, `count` (also above 100) or `page_token`
/// is an error.
pub(super) async fn list(
    State(state): State<Arc<AppState>>,
    Extension(access): Extension<Access>,
    Query(parameters): Query<Parameters>,
) -> Result<Response<Body>, CalendlyError> {
    let owners = owners(&parameters, &access.caller, &state.accounts)?;
    let active = parse_flag("active", parameters.active.as_deref())?;
    let admin_managed = parse_flag("admin_managed", parameters.admin_managed.as_deref())?;
    let sort = parse_sort(parameters.sort.as_deref())?;
    let count = parse_count(parameters.count.as_deref())?;

    let mut rows: Vec<&EventType> = owners
        .iter()
        .flat_map(|owner| owner.event_types.iter().map(Arc::as_ref))
        .filter(|row| row.is_listed())
        .filter(|row| active.is_none_or(|active| row.active == active))
        .filter(|row| admin_managed.is_none_or(|managed| row.admin_managed == managed))
        .collect();
    rows.sort_by(|one, other| compare(&sort, one, other));

    let query = parameters.without_page_token();
    let tokens = PageTokens::new(state.seed, &access.caller.user.id, &query);
    let offset = match &parameters.page_token {
        None => 0,
        Some(token) => tokens.offset(token, count, rows.len()).ok_or(CalendlyError::INVALID_PAGE_TOKEN)?,
    };
    let collection: Vec<&EventType> = rows.iter().copied().skip(offset).take(count).collect();
    let next = Some(offset + count).filter(|next| *next < rows.len()).map(|next| tokens.token(next));
    let previous = offset.checked_sub(count).map(|previous| tokens.token(previous));
    let url = |token: &String| format!("{BASE}/event_types?{query}&page_token={token}");
    let pagination = Pagination {
        count: collection.len(),
        next_page: next.as_ref().map(url),
        previous_page: previous.as_ref().map(url),
        next_page_token: next,
        previous_page_token: previous,
    };
    Ok(json(&Page { pagination, collection: &collection }))
}

impl Parameters {
    fn without_page_token(&self) -> String {
        let parameters = [
            ("user", &self.user),
            ("organization", &self.organization),
            ("active", &self.active),
            ("admin_managed", &self.admin_managed),
            ("sort", &self.sort),
            ("count", &self.count),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in parameters {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

/// Page tokens of one query and user: 32 opaque characters. Assumed: they are invalid for other queries and
/// users.
struct PageTokens {
    key: Key,
}

impl PageTokens {
    fn new(seed: u64, user_id: &str, query: &str) -> Self {
        Self { key: Key::new(HMAC_SHA256, format!("{seed}\n{user_id}\n{query}").as_bytes()) }
    }

    fn token(&self, offset: usize) -> String {
        let tag = sign(&self.key, &offset.to_be_bytes());
        let token: Vec<u8> = tag.as_ref().iter().copied().take(24).collect();
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// Finds the offset of a token by computing the token of each page.
    fn offset(&self, token: &str, count: usize, rows: usize) -> Option<usize> {
        (0..rows).step_by(count).find(|offset| self.token(*offset) == token)
    }
}

/// Returns the members whose event types are requested. Only its owner may list an organization's event types. Assumed:
/// with both parameters, the user must be a member of the organization; 403 for other users and organizations.
fn owners(
    parameters: &Parameters,
    caller: &Member,
    accounts: &Accounts,
) -> Result<Vec<Arc<Member>>, CalendlyError> {
    let organization = &caller.user.current_organization;
    let is_own = parameters.organization.as_ref().is_none_or(|uri| uri == organization);
    let mut members = accounts.members_of(organization);
    match &parameters.user {
        None if parameters.organization.is_none() => {
            Err(CalendlyError::invalid("user", "user or organization is required"))
        }
        _ if !is_own => Err(CalendlyError::PermissionDenied),
        None if caller.owns_organization => Ok(members),
        None => Err(CalendlyError::NotOwner),
        Some(user) => {
            members.retain(|member| member.user.uri == *user && caller.may_read(member));
            if members.is_empty() { Err(CalendlyError::PermissionDenied) } else { Ok(members) }
        }
    }
}

fn parse_flag(parameter: &'static str, text: Option<&str>) -> Result<Option<bool>, CalendlyError> {
    match text {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(CalendlyError::invalid(parameter, "must be true or false")),
    }
}

fn parse_count(text: Option<&str>) -> Result<usize, CalendlyError> {
    let Some(text) = text else {
        return Ok(DEFAULT_COUNT);
    };
    text.parse()
        .ok()
        .filter(|count| (1..=MAX_COUNT).contains(count))
        .ok_or(CalendlyError::invalid("count", "count must be between 1 and 100"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Position,
    CreatedAt,
    UpdatedAt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

fn parse_sort(text: Option<&str>) -> Result<Vec<(Field, Direction)>, CalendlyError> {
    text.unwrap_or("name:asc")
        .split(',')
        .map(|part| {
            let (field, direction) = part.split_once(':')?;
            let field = match field {
                "name" => Field::Name,
                "position" => Field::Position,
                "created_at" => Field::CreatedAt,
                "updated_at" => Field::UpdatedAt,
                _ => return None,
            };
            let direction = match direction {
                "asc" => Direction::Ascending,
                "desc" => Direction::Descending,
                _ => return None,
            };
            Some((field, direction))
        })
        .collect::<Option<_>>()
        .ok_or(CalendlyError::invalid("sort", "sort is invalid"))
}

/// Assumed: names are compared without regard to case, event types without a name are last when ascending, and
/// ties keep the order of owners' names and positions.
fn compare(sort: &[(Field, Direction)], one: &EventType, other: &EventType) -> Ordering {
    let name = |row: &EventType| {
        let name = row.name.as_ref().map(|name| name.to_lowercase());
        (name.is_none(), name)
    };
    sort.iter()
        .map(|(field, direction)| {
            let ordering = match field {
                Field::Name => name(one).cmp(&name(other)),
                Field::Position => one.position.cmp(&other.position),
                Field::CreatedAt => one.created_at.cmp(&other.created_at),
                Field::UpdatedAt => one.updated_at.cmp(&other.updated_at),
            };
            match direction {
                Direction::Ascending => ordering,
                Direction::Descending => ordering.reverse(),
            }
        })
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
