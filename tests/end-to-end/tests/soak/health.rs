//! What a process holds, looked at over and over.

use end_to_end::Function;

/// A tenth of these is what the first and the last tenth of a run are judged by.
pub(crate) const SAMPLES: usize = 200;

/// Memory (bytes), what of it is the process's own, and file descriptors, in the course of a run.
#[derive(Debug, Default)]
pub(crate) struct Health {
    memory: Vec<u64>,
    own_memory: Vec<u64>,
    file_descriptors: Vec<usize>,
}

impl Health {
    pub(crate) async fn sample(&mut self, function: &Function) {
        self.memory.push(function.memory_now().await);
        self.own_memory.push(function.own_memory_now().await);
        self.file_descriptors.push(function.file_descriptors().await);
    }

    /// The memory of the first and of the last tenth, in MB: half of the samples had more.
    pub(crate) fn memory(&self) -> [f64; 2] {
        medians(&self.memory)
    }

    /// What of that is the process's own.
    pub(crate) fn own_memory(&self) -> [f64; 2] {
        medians(&self.own_memory)
    }

    /// The most file descriptors of the first and of the last tenth.
    pub(crate) fn file_descriptors(&self) -> [usize; 2] {
        let most = |samples: &[usize]| samples.iter().copied().max().unwrap_or_default();
        let (first, last) = tenths(&self.file_descriptors);
        [most(first), most(last)]
    }
}

/// Medians, since buffers of the requests of a moment come and go: where many are answered at once, a twentieth of all
/// memory.
fn medians(samples: &[u64]) -> [f64; 2] {
    let median = |samples: &[u64]| {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2] as f64 / 1e6
    };
    let (first, last) = tenths(samples);
    [median(first), median(last)]
}

fn tenths<T>(samples: &[T]) -> (&[T], &[T]) {
    let tenth = (samples.len() / 10).max(1);
    (&samples[..tenth], &samples[samples.len() - tenth..])
}
