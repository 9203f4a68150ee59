//! The tests that take minutes: `cargo test -p end-to-end --test long -- soak`. Each module documents its variables.
#![cfg(test)]

mod fault_matrix;
mod load;
mod memory;
mod soak;
