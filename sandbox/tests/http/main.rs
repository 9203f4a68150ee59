//! The sandbox over HTTP.

#[cfg(test)]
mod available_times;
#[cfg(test)]
mod controls;
#[cfg(test)]
mod event_types;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod support;
#[cfg(test)]
mod users;
