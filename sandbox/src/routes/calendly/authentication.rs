//! Who calls, whether they may, whether so often, and the headers of every answer.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use tokio::time::Instant;

use super::error::CalendlyError;
use crate::calendly::accounts::Access;
use crate::config::Scope;
use crate::identifier::uuid;
use crate::intercept::bearer;
use crate::world::World;

/// Passes the caller's [`Access`] on as an extension.
pub(super) async fn authenticate(
    State(world): State<Arc<World>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    let access = bearer(request.headers()).and_then(|pat| world.accounts.of_pat(pat));
    let (allowance, mut response) = match access {
        None => (world.rate_limiter.untouched(), CalendlyError::Unauthenticated.into_response()),
        Some(access) => {
            let allowance = world.rate_limiter.take(&access.caller.user.id, Instant::now());
            let response = if allowance.exceeded {
                CalendlyError::TooManyRequests.into_response()
            } else {
                request.extensions_mut().insert(access);
                next.run(request).await
            };
            (allowance, response)
        }
    };
    let headers = response.headers_mut();
    allowance.write(headers);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=0, private, must-revalidate"));
    let request_id = uuid(world.seed, &["request", &world.next_request()]);
    if let Ok(request_id) = HeaderValue::try_from(request_id) {
        headers.insert("x-request-id", request_id);
    }
    response
}

/// Lets through what the caller's PAT has the scope for.
pub(super) async fn authorize(
    State(scope): State<Scope>,
    Extension(access): Extension<Access>,
    request: Request,
    next: Next,
) -> Result<Response<Body>, CalendlyError> {
    if access.allows(scope) {
        Ok(next.run(request).await)
    } else {
        Err(CalendlyError::InsufficientScope(scope))
    }
}
