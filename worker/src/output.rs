//! What a runner writes: runner lines for machines on stdout, log lines for
//! people on stderr. Nothing else in this package prints. What a runner line
//! holds is defined in core.

use dlt_core::messages::runner_line::{LONGEST_TICK_BYTES, RunnerLine};
use std::io::Write;

/// Writes a log line for people to stderr.
pub fn log(text: &str) {
    // In one write, since several processes often share stderr. A closed stderr
    // must not end a run.
    let line = format!("dlt worker: {text}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// The stream of runner lines. A closed stream does not end the run: the report
/// is what counts, lines only show the run under way.
pub struct LineWriter {
    stream: Box<dyn Write + Send>,
    closed: bool,
    /// The last line was not written to its end: the next one begins a new line.
    broken: bool,
}

impl std::fmt::Debug for LineWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineWriter").finish_non_exhaustive()
    }
}

impl LineWriter {
    /// Writes to this process's stdout.
    pub fn stdout() -> Self {
        Self::to(Box::new(std::io::stdout()))
    }

    /// Writes to any stream.
    pub fn to(stream: Box<dyn Write + Send>) -> Self {
        Self {
            stream,
            closed: false,
            broken: false,
        }
    }

    /// Writes one line in one piece.
    pub fn write(&mut self, line: &RunnerLine) {
        if self.closed {
            return;
        }
        let mut text = short_line(line);
        text.push('\n');
        if self.broken {
            text.insert(0, '\n');
        }
        let written = self
            .stream
            .write_all(text.as_bytes())
            .and_then(|()| self.stream.flush());
        match written {
            Ok(()) => self.broken = false,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.closed = true;
                log(&format!(
                    "stdout is closed ({error}); this runner goes on and stores its report"
                ));
            }
            // A file on a full disk: the disk may have room for the next line.
            Err(error) => {
                if !self.broken {
                    log(&format!(
                        "a line cannot be written to stdout ({error}); this runner goes on, and tries it again with the next line"
                    ));
                }
                self.broken = true;
            }
        }
    }
}

/// The text of a line. Of a tick that would be too long fewer runners are
/// listed: the numbers matter more than the runners that made them.
fn short_line(line: &RunnerLine) -> String {
    let mut text = line.to_line();
    let mut line = line.clone();
    while text.len() >= LONGEST_TICK_BYTES
        && let RunnerLine::Tick(tick) | RunnerLine::LiveTick(tick) = &mut line
        && !tick.runners.is_empty()
    {
        tick.keep_worst(tick.runners.len() / 2);
        text = line.to_line();
    }
    text
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use dlt_core::ids::RunnerId;
    use dlt_core::messages::runner_line::{RunnerRow, RunnerState};
    use std::sync::{Arc, Mutex};

    /// A stream that keeps what was written.
    #[derive(Clone, Default)]
    pub(crate) struct CapturedOutput(pub(crate) Arc<Mutex<Vec<u8>>>);

    impl CapturedOutput {
        pub(crate) fn lines(&self) -> Vec<RunnerLine> {
            let bytes = self.0.lock().unwrap();
            std::str::from_utf8(&bytes)
                .unwrap()
                .lines()
                .map(|line| RunnerLine::parse(line).unwrap())
                .collect()
        }
    }

    impl Write for CapturedOutput {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct ClosedStream(Arc<Mutex<u32>>);

    impl Write for ClosedStream {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            *self.0.lock().unwrap() += 1;
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// A disk that is full for a while, in the middle of a line.
    struct FullForAWhile(CapturedOutput, Arc<Mutex<bool>>);

    impl Write for FullForAWhile {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let is_full = *self.1.lock().unwrap();
            match (is_full, bytes.len()) {
                (false, _) => self.0.write(bytes),
                (true, 0..10) => Err(std::io::ErrorKind::StorageFull.into()),
                (true, _) => self.0.write(&bytes[..9]),
            }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_go_on_when_a_full_disk_has_room_again() {
        let (output, full) = (CapturedOutput::default(), Arc::new(Mutex::new(false)));
        let stream = FullForAWhile(output.clone(), full.clone());
        let mut lines = LineWriter::to(Box::new(stream));
        lines.write(&finished());
        *full.lock().unwrap() = true;
        lines.write(&finished());
        lines.write(&finished());
        *full.lock().unwrap() = false;
        lines.write(&finished());
        lines.write(&finished());
        let bytes = output.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let read = text.lines().filter_map(RunnerLine::parse);
        assert_eq!(read.count(), 3, "{text}");
    }

    fn finished() -> RunnerLine {
        RunnerLine::Finished {
            runner: RunnerId::parse("lo-home-1-1").unwrap(),
            exit: 0,
            report: None,
        }
    }

    #[test]
    fn lines_are_whole_and_a_closed_stream_is_tried_once() {
        let output = CapturedOutput::default();
        let mut lines = LineWriter::to(Box::new(output.clone()));
        lines.write(&finished());
        lines.write(&finished());
        assert_eq!(output.lines(), vec![finished(), finished()]);

        let writes = Arc::new(Mutex::new(0));
        let mut lines = LineWriter::to(Box::new(ClosedStream(writes.clone())));
        lines.write(&finished());
        lines.write(&finished());
        assert_eq!(*writes.lock().unwrap(), 1);
    }

    /// Ids of 64 characters are the longest that there are.
    #[test]
    fn a_tick_with_long_ids_lists_fewer_runners() {
        let mut tick = crate::tests::tick(0, 1);
        tick.runners = (0..300u64)
            .map(|number| {
                let id = RunnerId::parse(&format!("{number:064}")).unwrap();
                RunnerRow(id, RunnerState::Loading, 0, number)
            })
            .collect();
        let output = CapturedOutput::default();
        let mut lines = LineWriter::to(Box::new(output.clone()));
        lines.write(&RunnerLine::LiveTick(tick.clone()));
        assert!(output.0.lock().unwrap().len() < LONGEST_TICK_BYTES);
        let written = output.lines();
        let [RunnerLine::LiveTick(short)] = &written[..] else {
            panic!("{written:?}");
        };
        assert_eq!(short.second, tick.second);
        assert_eq!(short.runners.len(), 150);
        assert_eq!(short.runners[0].3, 299, "the highest lag first");
        assert_eq!(short.others[&RunnerState::Loading], 150);
    }
}
