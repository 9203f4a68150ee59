//! Pages and their tokens (calendly-api, section 1.0).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac::{HMAC_SHA256, Key, sign};
use serde::Serialize;

/// Calendly's pagination object.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Pagination {
    pub(super) count: usize,
    pub(super) next_page: Option<String>,
    pub(super) previous_page: Option<String>,
    pub(super) next_page_token: Option<String>,
    pub(super) previous_page_token: Option<String>,
}

/// Names the place of a page in the answer to one query: 32 characters, opaque, and good for no
/// other query or user (assumed: Calendly does not say what a token is bound to).
pub(super) struct PageTokens {
    key: Key,
}

impl PageTokens {
    /// The tokens of a query, told from others by everything that it consists of.
    pub(super) fn of_query(seed: u64, query: &str) -> Self {
        Self { key: Key::new(HMAC_SHA256, format!("{seed}\n{query}").as_bytes()) }
    }

    pub(super) fn token(&self, offset: usize) -> String {
        let tag = sign(&self.key, &offset.to_be_bytes());
        let token: Vec<u8> = tag.as_ref().iter().copied().take(24).collect();
        // The offset itself is not in the token: it is found again by trying.
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// The place of a page that begins at a multiple of `count` among `rows`. A token does not hold
    /// its place: it is found again by trying, which a stand-in can afford.
    pub(super) fn offset(&self, token: &str, count: usize, rows: usize) -> Option<usize> {
        (0..rows).step_by(count).find(|offset| self.token(*offset) == token)
    }
}

#[cfg(test)]
mod tests {
    use super::PageTokens;

    #[test]
    fn a_token_is_good_for_its_own_query_only() {
        let tokens = PageTokens::of_query(1, "user=a");
        let token = tokens.token(40);
        assert_eq!(token.len(), 32);
        assert_eq!(tokens.offset(&token, 20, 50), Some(40));
        assert_eq!(tokens.offset(&token, 20, 40), None);
        assert_eq!(tokens.offset("anything", 20, 50), None);
        let others = PageTokens::of_query(1, "user=b");
        assert_eq!(others.offset(&token, 20, 50), None);
    }
}
