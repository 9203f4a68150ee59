//! Members, their PATs, and permissions within an organization.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::catalog;
use super::event_type::EventType;
use super::response::CalendlyError;
use super::user::User;
use crate::config::Account;
use crate::identifier::number;
use crate::lock;

/// A member of an organization: a user and their event types.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) user: User,
    owns_organization: bool,
    pub(super) event_types: Vec<EventType>,
}

impl Member {
    fn new(name: &str, account: &Account) -> Self {
        let owner = account.colleague_of.as_deref().unwrap_or(name);
        let user = User::new(name, owner, account.timezone);
        let event_types = catalog::event_types(&user, account.catalog);
        Self { user, owns_organization: owner == name, event_types }
    }

    /// Whether this member may read another one's resources. Assumed: the owner of an organization may read
    /// those of its members.
    fn may_read(&self, other: &Self) -> bool {
        let same_organization = self.user.current_organization == other.user.current_organization;
        self.user.id == other.user.id || (self.owns_organization && same_organization)
    }
}

/// All users and all valid PATs.
#[derive(Debug, Default)]
pub(crate) struct Accounts(Mutex<Members>);

#[derive(Debug, Default)]
struct Members {
    /// Members remain when their PATs are revoked.
    by_name: HashMap<String, Arc<Member>>,
    by_pat: HashMap<String, Arc<Member>>,
}

impl Accounts {
    /// Adds a PAT, and its user if no user has that name.
    pub(crate) fn add(&self, account: &Account) {
        let default_name = || format!("Sample {:08x}", number(&["name", &account.pat]) >> 32);
        let name = account.user.clone().unwrap_or_else(default_name);
        let mut members = lock(&self.0);
        let create = || Arc::new(Member::new(&name, account));
        let member = Arc::clone(members.by_name.entry(name.clone()).or_insert_with(create));
        members.by_pat.insert(account.pat.clone(), member);
    }

    pub(crate) fn revoke(&self, pat: &str) {
        lock(&self.0).by_pat.remove(pat);
    }

    pub(crate) fn by_pat(&self, pat: &str) -> Option<Arc<Member>> {
        lock(&self.0).by_pat.get(pat).cloned()
    }

    pub(crate) fn user_uri(&self, pat: &str) -> Option<String> {
        self.by_pat(pat).map(|member| member.user.uri.clone())
    }

    pub(crate) fn event_type_uri(&self, pat: &str, slug: &str) -> Option<String> {
        self.by_pat(pat)?
            .event_types
            .iter()
            .find(|event_type| event_type.slug.as_deref() == Some(slug))
            .map(|event_type| event_type.uri.clone())
    }

    pub(super) fn user(&self, caller: &Member, id: &str) -> Result<Arc<Member>, CalendlyError> {
        self.find(caller, |member| (member.user.id == id).then(|| Arc::clone(member)))
    }

    /// Returns an event type and its owner.
    pub(crate) fn event_type(
        &self,
        caller: &Member,
        id: &str,
    ) -> Result<(Arc<Member>, EventType), CalendlyError> {
        self.find(caller, |member| {
            let event_type = member.event_types.iter().find(|event_type| event_type.id == id)?;
            Some((Arc::clone(member), event_type.clone()))
        })
    }

    /// Assumed: 403 for a resource that the caller may not read, 404 for an unknown one.
    fn find<T>(&self, caller: &Member, find: impl Fn(&Arc<Member>) -> Option<T>) -> Result<T, CalendlyError> {
        let members = lock(&self.0);
        match members.by_name.values().find_map(|member| Some((member, find(member)?))) {
            Some((member, found)) if caller.may_read(member) => Ok(found),
            Some(_) => Err(CalendlyError::PermissionDenied),
            None => Err(CalendlyError::NotFound),
        }
    }
}
