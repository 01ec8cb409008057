//! What fuzzing feeds to the readers of tools' samples: the same is told however the bytes arrive,
//! and whatever is told can be added up.

use super::recorder::Recorder;
use super::sample::Told;
use super::{jmeter, k6, locust};
use std::io::{BufReader, Read};
use tokio::sync::mpsc::unbounded_channel;

/// A name, and what is done with an input.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// The targets.
pub(crate) const TARGETS: &[Target] = &[
    ("samples-k6", |data| {
        same(
            |each| k6::samples::read(data, each),
            |each| k6::samples::read(Pieces(data), each),
        );
    }),
    ("samples-jmeter", |data| {
        same(
            |each| jmeter::samples::read(data, each),
            |each| jmeter::samples::read(BufReader::with_capacity(7, Pieces(data)), each),
        );
    }),
    ("samples-locust", |data| {
        same(
            |each| locust::samples::read(data, each),
            |each| locust::samples::read(BufReader::with_capacity(7, Pieces(data)), each),
        );
    }),
];

/// Gives a byte at a time.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(1);
        self.0.read(&mut buffer[..count])
    }
}

fn same(at_once: impl Fn(&mut dyn FnMut(Told<'_>)), in_pieces: impl Fn(&mut dyn FnMut(Told<'_>))) {
    let (sender, _seconds) = unbounded_channel();
    let mut recorder = Recorder::new(1_700_000_000_000_000, Vec::new(), sender);
    let (mut now_us, mut samples, mut cuts, mut dropped) = (0, 0, 0, 0);
    let mut whole = Vec::new();
    at_once(&mut |told| {
        whole.push(format!("{told:?}"));
        cuts += u64::from(told == Told::Cut);
        match told {
            Told::Sample(_) => samples += u64::from(told.is_possible()),
            Told::Dropped(count) if told.is_possible() => dropped += count,
            _ => {}
        }
        now_us += 300_000;
        recorder.close_seconds(now_us);
        recorder.add(told, now_us);
    });
    let mut pieces = Vec::new();
    in_pieces(&mut |told| pieces.push(format!("{told:?}")));
    assert_eq!(pieces, whole);
    assert_eq!(recorder.samples(), samples);
    let account = recorder.finish(now_us).tally.account;
    assert!(account.balanced(), "{account:?}");
    assert_eq!((account.sent, account.unfinished), (samples + cuts, cuts));
    assert_eq!(account.dropped, dropped);
}
