//! `GET /event_types` with pagination, and `GET /event_types/{id}`:
//! <https://developer.calendly.com/api-docs/calendly-api/event-types/list-event-types>

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::Response;
use serde::{Deserialize, Serialize};

use super::accounts::Member;
use super::event_type::EventType;
use super::response::{CalendlyError, json, resource};
use super::uri::{BASE, id_from_uri};
use crate::app_state::AppState;
use crate::identifier::page_token;

const DEFAULT_COUNT: usize = 20;
const MAX_COUNT: usize = 100;

/// The supported query parameters. The others of Calendly, such as `organization`, are errors here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    user: Option<String>,
    active: Option<bool>,
    sort: Option<String>,
    count: Option<usize>,
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
    Extension(caller): Extension<Arc<Member>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, CalendlyError> {
    let (_, event_type) = state.accounts.event_type(&caller, &id)?;
    Ok(resource(&event_type))
}

/// Assumed: all error messages; that an invalid `active`, `sort`, `count` (also above 100) or `page_token` is an error;
/// that names are compared without regard to case, and event types without a name are last.
pub(super) async fn list(
    State(state): State<Arc<AppState>>,
    Extension(caller): Extension<Arc<Member>>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, CalendlyError> {
    let invalid = CalendlyError::invalid;
    let Query(parameters) = parameters?;
    let user = parameters.user.ok_or(invalid("user", "user or organization is required"))?;
    let user_id = id_from_uri(&user, "users").ok_or(invalid("user", "user is invalid"))?;
    if parameters.sort.is_some_and(|sort| sort != "name:asc") {
        return Err(invalid("sort", "only name:asc is supported"));
    }
    let count = parameters.count.unwrap_or(DEFAULT_COUNT);
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(invalid("count", "count must be between 1 and 100"));
    }

    let owner = state.accounts.user(&caller, user_id)?;
    let mut rows: Vec<&EventType> = owner
        .event_types
        .iter()
        .filter(|row| row.is_listed())
        .filter(|row| parameters.active.is_none_or(|active| row.active == active))
        .collect();
    rows.sort_by_cached_key(|row| (row.name.is_none(), row.name.as_ref().map(|name| name.to_lowercase())));

    // Assumed: tokens are invalid for other queries and callers.
    let query = without_page_token(&query.unwrap_or_default());
    let token_for = |offset: usize| page_token(&[&caller.user.id, &query, &offset.to_string()]);
    let offset = match &parameters.page_token {
        None => 0,
        Some(token) => (0..rows.len())
            .step_by(count)
            .find(|offset| token_for(*offset) == *token)
            .ok_or(invalid("page_token", "page_token is invalid"))?,
    };
    let collection: Vec<&EventType> = rows.iter().copied().skip(offset).take(count).collect();
    let next = Some(offset + count).filter(|next| *next < rows.len()).map(token_for);
    let previous = offset.checked_sub(count).map(token_for);
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

fn without_page_token(query: &str) -> String {
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "page_token");
    form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish()
}
