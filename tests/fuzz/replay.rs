//! Replays a corpus, and random mutations of its inputs, without a fuzzer. Compiled into the unit tests of each crate that has
//! fuzz oracles.

use std::{fs, path::Path};

/// The number of mutations of each input.
const MUTATIONS: usize = 200;

/// Bytes that have a meaning in JSON, tokens or queries, and some that have none.
const BYTES: &[u8] = b"{}[]\",:\\.-+%&=09aZ \n\0\xFF";

/// Checks each input of a target's corpus, and its mutations: bytes flipped, removed, copied, inserted, or replaced from
/// another input.
pub(crate) fn replay(target: &str, check: fn(&[u8])) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpora = root.ancestors().map(|folder| folder.join("tests/fuzz/corpus"));
    let corpus = corpora.map(|corpora| corpora.join(target)).find(|corpus| corpus.is_dir()).unwrap();
    let mut inputs: Vec<_> =
        fs::read_dir(corpus).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    assert!(!inputs.is_empty());
    inputs.sort_unstable();
    let mut random = fastrand::Rng::with_seed(1);
    check(&[]);
    for input in &inputs {
        check(input);
        for _ in 0..MUTATIONS {
            let mut mutated = input.clone();
            for _ in 0..random.usize(1..4) {
                let (from, to) = (random.usize(0..=mutated.len()), random.usize(0..=mutated.len()));
                match random.u8(0..5) {
                    0 if from < mutated.len() => mutated[from] ^= 1 << random.u8(0..8),
                    1 if from < to => drop(mutated.drain(from..to.min(from + 8))),
                    2 if from < to => {
                        let copy = mutated[from..to].to_vec();
                        mutated.splice(to..to, copy);
                    }
                    3 if from < to => {
                        let other = random.choice(&inputs).unwrap();
                        let start = random.usize(0..=other.len());
                        let part = &other[start..other.len().min(start + 8)];
                        mutated.splice(from..to.min(from + 8), part.iter().copied());
                    }
                    _ => mutated.insert(from, random.choice(BYTES.iter().copied()).unwrap()),
                }
            }
            check(&mutated);
        }
    }
}
