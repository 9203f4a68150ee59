//! Replays the inputs of `tests/fuzz/corpus`, and random changes of them, without a fuzzer.

use std::{fs, path::Path};

/// How many random changes of each input are tried.
const CHANGES: usize = 200;

/// Bytes that have a meaning in JSON, tokens or queries, and some that have none.
const BYTES: &[u8] = b"{}[]\",:\\.-+%&=09aZ \n\0\xFF";

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
    let mut inputs: Vec<_> =
        fs::read_dir(&corpus).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!inputs.is_empty(), "{}", corpus.display());
    inputs.sort_unstable();
    let mut random = fastrand::Rng::with_seed(1);
    check(&[]);
    for input in &inputs {
        check(input);
        for _ in 0..CHANGES {
            let mut changed = input.clone();
            for _ in 0..random.usize(1..4) {
                let (from, to) = (random.usize(0..=changed.len()), random.usize(0..=changed.len()));
                match random.u8(0..4) {
                    0 if from < changed.len() => changed[from] ^= 1 << random.u8(0..8),
                    1 if from < to => drop(changed.drain(from..to.min(from + 8))),
                    2 if from < to => {
                        let copy = changed[from..to].to_vec();
                        changed.splice(to..to, copy);
                    }
                    _ => changed.insert(from, random.choice(BYTES.iter().copied()).unwrap()),
                }
            }
            check(&changed);
        }
    }
}

#[test]
fn tokens() {
    replay("token", super::token);
}

#[test]
fn claims() {
    replay("claims", super::claims);
}

#[test]
fn keys() {
    replay("keys", super::keys);
}

#[test]
fn events() {
    replay("event", super::event);
}

#[test]
fn pages_of_event_types() {
    replay("event_types", super::event_types);
}

#[test]
fn available_times() {
    replay("available_times", super::available_times);
}

#[test]
fn secrets() {
    replay("secret", super::secret);
}

#[test]
fn items() {
    replay("item", super::item);
}
