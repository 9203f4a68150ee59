//! Members, their PATs, and permissions within an organization.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::catalog;
use super::event_type::EventType;
use super::response::CalendlyError;
use super::user::User;
use crate::config::{Account, Scope};
use crate::identifier::number;
use crate::lock;

/// A member of an organization: a user and their event types.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) user: User,
    pub(super) owns_organization: bool,
    pub(super) event_types: Vec<Arc<EventType>>,
}

impl Member {
    /// Whether this member may read another one's resources. Assumed: the owner of an organization may read
    /// those of its members.
    pub(super) fn may_read(&self, other: &Self) -> bool {
        let same_organization = self.user.current_organization == other.user.current_organization;
        self.user.id == other.user.id || (self.owns_organization && same_organization)
    }
}

/// The user and the scopes of a PAT.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) caller: Arc<Member>,
    /// `None` for all scopes.
    scopes: Option<Vec<Scope>>,
}

impl Access {
    pub(super) fn allows(&self, scope: Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
    }
}

/// Result of looking up an id on behalf of a caller.
pub(crate) enum Lookup<T> {
    Readable(T),
    Forbidden,
    Unknown,
}

impl<T> Lookup<T> {
    pub(super) fn readable(self) -> Result<T, CalendlyError> {
        match self {
            Self::Readable(found) => Ok(found),
            Self::Forbidden => Err(CalendlyError::PermissionDenied),
            Self::Unknown => Err(CalendlyError::NotFound),
        }
    }
}

/// An event type and its owner.
pub(crate) struct OwnedEventType {
    pub(crate) owner: Arc<Member>,
    pub(crate) event_type: Arc<EventType>,
}

/// All users and all valid PATs.
#[derive(Debug)]
pub(crate) struct Accounts {
    seed: u64,
    started_at: DateTime<Utc>,
    members: Mutex<Members>,
}

#[derive(Debug, Default)]
struct Members {
    /// Members remain when their PATs are revoked.
    by_name: BTreeMap<String, Arc<Member>>,
    by_pat: HashMap<String, Access>,
}

impl Accounts {
    pub(crate) fn new(seed: u64, started_at: DateTime<Utc>) -> Self {
        Self { seed, started_at, members: Mutex::default() }
    }

    /// Adds a PAT, and its user if no user has that name.
    pub(crate) fn add(&self, account: &Account) {
        let name = account
            .user
            .clone()
            .unwrap_or_else(|| format!("Sample {:08x}", number(self.seed, &["name", &account.pat]) >> 32));
        let mut members = lock(&self.members);
        let member = match members.by_name.get(&name) {
            Some(member) => Arc::clone(member),
            None => Arc::new(self.create_member(&name, account)),
        };
        members.by_name.insert(name, Arc::clone(&member));
        let access = Access { caller: member, scopes: account.scopes.clone() };
        members.by_pat.insert(account.pat.clone(), access);
    }

    fn create_member(&self, name: &str, account: &Account) -> Member {
        let owner = account.colleague_of.as_deref().unwrap_or(name);
        let user = User::new(self.seed, name, owner, account.timezone);
        let event_types = catalog::event_types(self.seed, &user, account.catalogue, self.started_at);
        Member {
            user,
            owns_organization: owner == name,
            event_types: event_types.into_iter().map(Arc::new).collect(),
        }
    }

    pub(crate) fn revoke(&self, pat: &str) {
        lock(&self.members).by_pat.remove(pat);
    }

    pub(crate) fn by_pat(&self, pat: &str) -> Option<Access> {
        lock(&self.members).by_pat.get(pat).cloned()
    }

    pub(crate) fn event_type_uri(&self, pat: &str, slug: &str) -> Option<String> {
        self.by_pat(pat)?
            .caller
            .event_types
            .iter()
            .find(|event_type| event_type.slug.as_deref() == Some(slug))
            .map(|event_type| event_type.uri.clone())
    }

    pub(crate) fn user(&self, caller: &Member, id: &str) -> Lookup<Arc<Member>> {
        self.lookup(caller, |member| (member.user.id == id).then(|| Arc::clone(member)))
    }

    pub(crate) fn event_type(&self, caller: &Member, id: &str) -> Lookup<OwnedEventType> {
        self.lookup(caller, |member| {
            let event_type = member.event_types.iter().find(|event_type| event_type.id == id)?;
            Some(OwnedEventType { owner: Arc::clone(member), event_type: Arc::clone(event_type) })
        })
    }

    /// Returns the members of an organization, by name.
    pub(super) fn members_of(&self, organization: &str) -> Vec<Arc<Member>> {
        let members = lock(&self.members);
        let is_member = |member: &&Arc<Member>| member.user.current_organization == organization;
        members.by_name.values().filter(is_member).cloned().collect()
    }

    fn lookup<T>(&self, caller: &Member, find: impl Fn(&Arc<Member>) -> Option<T>) -> Lookup<T> {
        let members = lock(&self.members);
        match members.by_name.values().find_map(|member| Some((member, find(member)?))) {
            Some((member, found)) if caller.may_read(member) => Lookup::Readable(found),
            Some(_) => Lookup::Forbidden,
            None => Lookup::Unknown,
        }
    }
}
