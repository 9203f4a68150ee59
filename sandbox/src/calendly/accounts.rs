//! Who has which PAT, and what is theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::catalogue;
use super::event_type::EventType;
use super::user::User;
use crate::config::Account;
use crate::lock::lock;

/// A user with the event types that are theirs.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) user: User,
    pub(crate) event_types: Vec<EventType>,
}

/// What an id means to a caller.
pub(crate) enum Found<'a> {
    Own(&'a EventType),
    OfAnother,
    Unknown,
}

/// The users, and the PATs that are good.
#[derive(Debug)]
pub(crate) struct Accounts {
    seed: u64,
    opened_at: DateTime<Utc>,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    /// They stay when their PATs are revoked.
    by_name: HashMap<String, Arc<Member>>,
    by_pat: HashMap<String, Arc<Member>>,
}

impl Accounts {
    pub(crate) fn new(seed: u64, opened_at: DateTime<Utc>) -> Self {
        Self { seed, opened_at, members: Mutex::default() }
    }

    /// Adds a PAT, and its user where there is none of that name.
    pub(crate) fn add(&self, account: &Account) {
        let name = match &account.user {
            Some(name) => name.clone(),
            None => User::name_for(self.seed, &account.pat),
        };
        let mut members = lock(&self.members);
        let member = match members.by_name.get(&name) {
            Some(member) => Arc::clone(member),
            None => {
                let user = User::new(self.seed, &name, account.timezone);
                let event_types = catalogue::event_types(self.seed, &user, account.catalogue, self.opened_at);
                Arc::new(Member { user, event_types })
            }
        };
        members.by_name.insert(name, Arc::clone(&member));
        members.by_pat.insert(account.pat.clone(), member);
    }

    pub(crate) fn revoke(&self, pat: &str) {
        lock(&self.members).by_pat.remove(pat);
    }

    pub(crate) fn of_pat(&self, pat: &str) -> Option<Arc<Member>> {
        lock(&self.members).by_pat.get(pat).cloned()
    }

    pub(crate) fn event_type_uri(&self, pat: &str, slug: &str) -> Option<String> {
        self.of_pat(pat)?
            .event_types
            .iter()
            .find(|event_type| event_type.slug.as_deref() == Some(slug))
            .map(|event_type| event_type.uri.clone())
    }

    pub(crate) fn user_exists(&self, id: &str) -> bool {
        self.anyone(|member| member.user.id == id)
    }

    pub(crate) fn find<'a>(&self, caller: &'a Member, event_type_id: &str) -> Found<'a> {
        match caller.event_type(event_type_id) {
            Some(event_type) => Found::Own(event_type),
            None if self.anyone(|member| member.event_type(event_type_id).is_some()) => Found::OfAnother,
            None => Found::Unknown,
        }
    }

    fn anyone(&self, is: impl Fn(&Member) -> bool) -> bool {
        lock(&self.members).by_name.values().any(|member| is(member))
    }
}

impl Member {
    fn event_type(&self, id: &str) -> Option<&EventType> {
        self.event_types.iter().find(|event_type| event_type.id == id)
    }
}
