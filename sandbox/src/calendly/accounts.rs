//! Who has which PAT, what it may be used for, and what is whose.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::catalogue;
use super::event_type::EventType;
use super::user::User;
use crate::config::{Account, Scope};
use crate::lock::lock;

/// A user with the event types that are theirs.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) user: User,
    pub(crate) owns_organization: bool,
    pub(crate) event_types: Vec<Arc<EventType>>,
}

/// What a good PAT gives.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) caller: Arc<Member>,
    /// None for all of them.
    scopes: Option<Vec<Scope>>,
}

/// What an id means to a caller.
pub(crate) enum Found<T> {
    Readable(T),
    /// It is there, and not for this caller.
    Forbidden,
    Unknown,
}

/// An event type and whose it is.
pub(crate) struct Owned {
    pub(crate) owner: Arc<Member>,
    pub(crate) event_type: Arc<EventType>,
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
    by_name: BTreeMap<String, Arc<Member>>,
    by_pat: HashMap<String, Access>,
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
            None => Arc::new(self.member(&name, account)),
        };
        members.by_name.insert(name, Arc::clone(&member));
        let access = Access { caller: member, scopes: account.scopes.clone() };
        members.by_pat.insert(account.pat.clone(), access);
    }

    fn member(&self, name: &str, account: &Account) -> Member {
        let owner = account.colleague_of.as_deref().unwrap_or(name);
        let user = User::new(self.seed, name, owner, account.timezone);
        let event_types = catalogue::event_types(self.seed, &user, account.catalogue, self.opened_at);
        Member {
            user,
            owns_organization: owner == name,
            event_types: event_types.into_iter().map(Arc::new).collect(),
        }
    }

    pub(crate) fn revoke(&self, pat: &str) {
        lock(&self.members).by_pat.remove(pat);
    }

    pub(crate) fn of_pat(&self, pat: &str) -> Option<Access> {
        lock(&self.members).by_pat.get(pat).cloned()
    }

    pub(crate) fn event_type_uri(&self, pat: &str, slug: &str) -> Option<String> {
        self.of_pat(pat)?
            .caller
            .event_types
            .iter()
            .find(|event_type| event_type.slug.as_deref() == Some(slug))
            .map(|event_type| event_type.uri.clone())
    }

    pub(crate) fn user(&self, caller: &Member, id: &str) -> Found<Arc<Member>> {
        self.found(caller, |member| (member.user.id == id).then(|| Arc::clone(member)))
    }

    pub(crate) fn event_type(&self, caller: &Member, id: &str) -> Found<Owned> {
        self.found(caller, |member| {
            let event_type = member.event_types.iter().find(|event_type| event_type.id == id)?;
            Some(Owned { owner: Arc::clone(member), event_type: Arc::clone(event_type) })
        })
    }

    /// All whose organization it is, in the order of their names.
    pub(crate) fn members_of(&self, organization: &str) -> Vec<Arc<Member>> {
        let members = lock(&self.members);
        let is_in = |member: &&Arc<Member>| member.user.current_organization == organization;
        members.by_name.values().filter(is_in).cloned().collect()
    }

    fn found<T>(&self, caller: &Member, look: impl Fn(&Arc<Member>) -> Option<T>) -> Found<T> {
        let members = lock(&self.members);
        match members.by_name.values().find_map(|member| Some((member, look(member)?))) {
            Some((member, what)) if caller.may_read(member) => Found::Readable(what),
            Some(_) => Found::Forbidden,
            None => Found::Unknown,
        }
    }
}

impl Access {
    pub(crate) fn allows(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }
}

impl Member {
    /// Everybody may read what is their own, and who owns an organization what is its members' (assumed;
    /// calendly-api has it, uncertain, for event types that are asked for by their URI).
    pub(crate) fn may_read(&self, other: &Self) -> bool {
        let is_colleague = self.user.current_organization == other.user.current_organization;
        self.user.id == other.user.id || (self.owns_organization && is_colleague)
    }
}
