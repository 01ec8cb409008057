//! A runner's two voices: lines for machines on stdout, talk for people on
//! stderr. Nothing else in this room prints. What a line says is core's.

use dlt_core::messages::runner_line::{LONGEST_LINE_BYTES, RunnerLine};
use std::io::Write;

/// Talk for people.
pub fn talk(text: &str) {
    // In one write, since stderr is often shared. Nobody may be reading; that
    // must not end a run.
    let line = format!("dlt worker: {text}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// The stream of runner lines. A reader that went away does not end the run:
/// the report is what counts, lines are for watching.
pub struct Lines {
    to: Box<dyn Write + Send>,
    broken: bool,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Lines {
    /// Lines on this process's stdout.
    pub fn stdout() -> Self {
        Self::to(Box::new(std::io::stdout()))
    }

    /// Lines to any stream.
    pub fn to(to: Box<dyn Write + Send>) -> Self {
        Self { to, broken: false }
    }

    /// Writes one line, whole and at once.
    pub fn say(&mut self, line: &RunnerLine) {
        if self.broken {
            return;
        }
        let mut text = line.to_line();
        if text.len() > LONGEST_LINE_BYTES
            && let RunnerLine::Tick(tick) | RunnerLine::LiveTick(tick) = &mut line.clone()
        {
            // The numbers matter more than who made them.
            let live = matches!(line, RunnerLine::LiveTick(_));
            tick.runners.clear();
            text = match live {
                true => RunnerLine::LiveTick(tick.clone()),
                false => RunnerLine::Tick(tick.clone()),
            }
            .to_line();
        }
        text.push('\n');
        let written = self
            .to
            .write_all(text.as_bytes())
            .and_then(|()| self.to.flush());
        if let Err(error) = written {
            self.broken = true;
            talk(&format!(
                "nobody reads this runner's lines any more ({error}); it goes on to its report"
            ));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use dlt_core::ids::RunnerId;
    use std::sync::{Arc, Mutex};

    /// Keeps what was written, to be read by a test.
    #[derive(Clone, Default)]
    pub(crate) struct Kept(pub(crate) Arc<Mutex<Vec<u8>>>);

    impl Kept {
        pub(crate) fn lines(&self) -> Vec<RunnerLine> {
            let bytes = self.0.lock().unwrap();
            std::str::from_utf8(&bytes)
                .unwrap()
                .lines()
                .map(|line| RunnerLine::parse(line).unwrap())
                .collect()
        }
    }

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Closed(Arc<Mutex<u32>>);

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            *self.0.lock().unwrap() += 1;
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn finished() -> RunnerLine {
        RunnerLine::Finished {
            runner: RunnerId::parse("lo-home-1-1").unwrap(),
            exit: 0,
            report: None,
        }
    }

    #[test]
    fn lines_are_whole_and_a_closed_stdout_is_tried_once() {
        let kept = Kept::default();
        let mut lines = Lines::to(Box::new(kept.clone()));
        lines.say(&finished());
        lines.say(&finished());
        assert_eq!(kept.lines(), vec![finished(), finished()]);

        let writes = Arc::new(Mutex::new(0));
        let mut lines = Lines::to(Box::new(Closed(writes.clone())));
        lines.say(&finished());
        lines.say(&finished());
        assert_eq!(*writes.lock().unwrap(), 1);
    }
}
