//! The Calendly API (<https://developer.calendly.com/api-docs>): routes, authentication and response headers.
//!
//! Comments mark unconfirmed behavior of the real API as *assumed*.

mod accounts;
mod available_times;
mod catalog;
mod event_type;
mod event_types;
mod rate_limit;
mod response;
mod schedule;
mod uri;
mod user;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use tokio::time::Instant;

pub(crate) use accounts::Accounts;
pub(crate) use rate_limit::RateLimiter;
pub(crate) use schedule::Schedule;
pub(crate) use uri::id_from_uri;

use crate::app_state::AppState;
use crate::identifier::random_uuid;
use crate::intercept::bearer;
use accounts::Member;
use response::{CalendlyError, resource};

/// Every path requires a PAT, even an unknown one. Every PAT has all scopes.
pub(crate) fn router(state: &Arc<AppState>) -> Router {
    Router::new()
        .route("/users/me", get(read_me))
        .route("/event_types", get(event_types::list))
        .route("/event_types/{id}", get(event_types::read))
        .route("/event_type_available_times", get(available_times::list))
        .fallback(async || CalendlyError::NotFound)
        .layer(from_fn_with_state(Arc::clone(state), authenticate))
        .with_state(Arc::clone(state))
}

/// Authenticates the caller, applies the rate limit, and adds the headers of every response. Handlers get the
/// caller as an extension.
async fn authenticate(
    State(state): State<Arc<AppState>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let caller = bearer(request.headers()).and_then(|pat| state.accounts.by_pat(pat));
    let (quota, mut response) = match caller {
        None => (state.rate_limiter.full_quota(), CalendlyError::Unauthenticated.into_response()),
        Some(caller) => {
            let quota = state.rate_limiter.take(&caller.user.id, Instant::now());
            let response = if quota.is_exceeded {
                CalendlyError::TooManyRequests.into_response()
            } else {
                request.extensions_mut().insert(caller);
                next.run(request).await
            };
            (quota, response)
        }
    };
    let headers = response.headers_mut();
    quota.write(headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0, private, must-revalidate"));
    if let Ok(request_id) = HeaderValue::try_from(random_uuid()) {
        headers.insert("x-request-id", request_id);
    }
    response
}

async fn read_me(Extension(caller): Extension<Arc<Member>>) -> Response<Body> {
    resource(&caller.user)
}
