//! Hours of load on many labels without a network: a load thread's recorder is told of samples as fast
//! as it takes them, so that what it keeps of six hours is known in seconds.

use crate::engine::remember::merged::merge_threads;
use crate::engine::remember::recorder::{FinishedRequest, Recorder};
use crate::engine::{LoadResult, ThreadSecond};
use dlt_core::measure::http_version::HttpVersion;
use dlt_core::measure::sample::{Outcome, Sample, Timed};
use dlt_core::measure::second::Second;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const SECOND_US: u64 = 1_000_000;
/// Different response times, used in turn; a prime, so that each label has them all.
const TIMES: u64 = 4_093;

/// A load thread.
#[derive(Debug)]
pub(crate) struct LongRun {
    recorder: Recorder,
    seconds: UnboundedReceiver<ThreadSecond>,
    labels: Vec<String>,
    /// Requests of each label in a second.
    rate: u64,
    /// Response times, µs.
    times: Vec<u64>,
    /// Seconds so far.
    passed: u64,
}

impl LongRun {
    /// A thread of so many labels, each with so many requests a second.
    pub(crate) fn new(labels: usize, rate: u64) -> Self {
        let (sender, seconds) = unbounded_channel();
        Self {
            recorder: Recorder::new(0, labels, false, sender),
            seconds,
            labels: (0..labels).map(|n| format!("/label/{n}")).collect(),
            rate,
            times: (0..TIMES).map(response_us).collect(),
            passed: 0,
        }
    }

    /// A second of load; the seconds that the thread sent because of it.
    pub(crate) fn second(&mut self) -> Vec<Second> {
        let labels = self.labels.len() as u64;
        let requests = labels * self.rate;
        let begin = self.passed * SECOND_US;
        for n in 0..requests {
            let sent_us = begin + n * SECOND_US / requests;
            let time = self.passed * requests + n;
            let sample = sample(sent_us, self.times[(time % TIMES) as usize]);
            self.recorder.request_began(None, sent_us);
            self.recorder.request_sent();
            self.recorder.request_finished(&FinishedRequest {
                label: (n % labels) as usize,
                sample: &sample,
                outcome: Outcome::ok(200),
                closed: true,
                resent: false,
                version: Some(HttpVersion::Http11),
            });
        }
        self.passed += 1;
        let mut sent = Vec::new();
        while let Ok(second) = self.seconds.try_recv() {
            sent.push(second.second);
        }
        sent
    }

    /// The end of the load.
    pub(crate) fn finish(self) -> LoadResult {
        let end_us = (self.passed + 1) * SECOND_US;
        let thread = self.recorder.finish(&self.labels, end_us);
        merge_threads(&self.labels, vec![thread], Vec::new())
    }
}

/// The nth of response times around 20 ms, of a long tail: as quantiles of a logistic distribution,
/// on a scale of logarithms.
fn response_us(n: u64) -> u64 {
    let share = (n as f64 + 0.5) / TIMES as f64;
    (20_000.0 * (0.3 * (share / (1.0 - share)).ln()).exp()) as u64
}

fn sample(sent_us: u64, response_us: u64) -> Sample {
    let done_us = sent_us + response_us;
    Sample {
        due_us: sent_us,
        sent_us,
        connected_us: None,
        first_byte_us: Some(done_us - 20),
        done_us,
        read_us: done_us + 5,
        timed: Some(Timed::Stamp),
        bytes_received: 232,
        bytes_sent: 90,
    }
}
