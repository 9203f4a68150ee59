//! `GET /event_types` (calendly-api, section 1.2) and `GET /event_types/{id}` (section 1.4).

use std::cmp::Ordering;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use super::answer::{Resource, json};
use super::error::CalendlyError;
use super::page::{PageTokens, Pagination};
use crate::calendly::accounts::{Access, Accounts, Found, Member};
use crate::calendly::event_type::EventType;
use crate::calendly::uri::CANONICAL;
use crate::world::World;

const DEFAULT_COUNT: usize = 20;
const MOST_COUNT: usize = 100;

/// Other parameters are ignored, `user_availability_schedule` among them.
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

pub(super) async fn read(
    State(world): State<Arc<World>>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Result<Response<Body>, CalendlyError> {
    match world.accounts.event_type(&access.caller, &id) {
        Found::Readable(owned) => Ok(json(StatusCode::OK, &Resource { resource: &*owned.event_type })),
        Found::Forbidden => Err(CalendlyError::PermissionDenied),
        Found::Unknown => Err(CalendlyError::NotFound),
    }
}

/// Every text of a refusal is assumed, and so is that a wrong `active`, `sort`, `count` (above 100
/// too) or `page_token` is refused rather than put right.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Extension(access): Extension<Access>,
    Query(parameters): Query<Parameters>,
) -> Result<Response<Body>, CalendlyError> {
    let owners = owners(&parameters, &access.caller, &world.accounts)?;
    let active = flag("active", parameters.active.as_deref())?;
    let admin_managed = flag("admin_managed", parameters.admin_managed.as_deref())?;
    let order = order(parameters.sort.as_deref())?;
    let count = count(parameters.count.as_deref())?;

    let mut rows: Vec<&EventType> = owners
        .iter()
        .flat_map(|owner| owner.event_types.iter().map(Arc::as_ref))
        .filter(|row| row.is_listed())
        .filter(|row| active.is_none_or(|active| row.active == active))
        .filter(|row| admin_managed.is_none_or(|managed| row.admin_managed == managed))
        .collect();
    rows.sort_by(|one, other| compare(&order, one, other));

    let query = parameters.without_page_token();
    let tokens = PageTokens::of_query(world.seed, &format!("{}\n{query}", access.caller.user.id));
    let offset = match &parameters.page_token {
        None => 0,
        Some(token) => {
            tokens.offset(token, count, rows.len()).ok_or(invalid("page_token", "page_token is invalid"))?
        }
    };
    let collection: Vec<&EventType> = rows.iter().copied().skip(offset).take(count).collect();
    let next = Some(offset + count).filter(|next| *next < rows.len());
    let next = next.map(|next| tokens.token(next));
    let previous = offset.checked_sub(count).map(|previous| tokens.token(previous));
    let url = |token: &String| format!("{CANONICAL}/event_types?{query}&page_token={token}");
    let page = Page {
        pagination: Pagination {
            count: collection.len(),
            next_page: next.as_ref().map(url),
            previous_page: previous.as_ref().map(url),
            next_page_token: next,
            previous_page_token: previous,
        },
        collection: &collection,
    };
    Ok(json(StatusCode::OK, &page))
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

fn invalid(parameter: &'static str, message: &'static str) -> CalendlyError {
    CalendlyError::InvalidArgument { parameter, message }
}

/// Whose event types are asked for. The list of an organization is for its owner only; with both
/// parameters, the user must be a member of the organization (assumed); another's is forbidden (assumed).
fn owners(
    parameters: &Parameters,
    caller: &Member,
    accounts: &Accounts,
) -> Result<Vec<Arc<Member>>, CalendlyError> {
    let organization = &caller.user.current_organization;
    let is_own = parameters.organization.as_ref().is_none_or(|uri| uri == organization);
    let mut members = accounts.members_of(organization);
    match &parameters.user {
        None if parameters.organization.is_none() => Err(invalid("user", "user or organization is required")),
        _ if !is_own => Err(CalendlyError::PermissionDenied),
        None if caller.owns_organization => Ok(members),
        None => Err(CalendlyError::NotOwner),
        Some(user) => {
            members.retain(|member| member.user.uri == *user && caller.may_read(member));
            if members.is_empty() { Err(CalendlyError::PermissionDenied) } else { Ok(members) }
        }
    }
}

fn flag(parameter: &'static str, text: Option<&str>) -> Result<Option<bool>, CalendlyError> {
    match text {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(invalid(parameter, "must be true or false")),
    }
}

fn count(text: Option<&str>) -> Result<usize, CalendlyError> {
    let Some(text) = text else {
        return Ok(DEFAULT_COUNT);
    };
    text.parse()
        .ok()
        .filter(|count| (1..=MOST_COUNT).contains(count))
        .ok_or(invalid("count", "count must be between 1 and 100"))
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

fn order(text: Option<&str>) -> Result<Vec<(Field, Direction)>, CalendlyError> {
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
        .ok_or(invalid("sort", "sort is invalid"))
}

/// Names are compared without regard to case, an event type without one comes last when
/// ascending, and rows that are alike keep the order of their owners' names and of their positions (all
/// assumed).
fn compare(order: &[(Field, Direction)], one: &EventType, other: &EventType) -> Ordering {
    let name = |row: &EventType| {
        let name = row.name.as_ref().map(|name| name.to_lowercase());
        (name.is_none(), name)
    };
    order
        .iter()
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
