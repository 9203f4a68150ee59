//! The sandbox as its callers see it.

#[cfg(test)]
mod available_times;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod controls;
#[cfg(test)]
mod event_types;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod organization;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod program;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod spoilt;
#[cfg(test)]
mod users;
