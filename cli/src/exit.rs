//! The exit codes of `dlt`, all of them (decision 27). When several apply the
//! core decides which (`dlt_core::record::exit_code`); here they have names.

/// How `dlt` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The run passed, or the command did what it was asked.
    Passed,
    /// A threshold did not hold.
    ThresholdFailed,
    /// The input is wrong; nothing was stored.
    BadInput,
    /// The run could not be run.
    CouldNotRun,
    /// The verdict is not `trusted`, and `--require-trusted` was given.
    Untrusted,
    /// Some runners are missing from the result.
    Incomplete,
    /// A bug of ours.
    Bug,
    /// Ctrl-C or SIGTERM; what was measured was printed.
    Interrupted,
}

impl Exit {
    /// Every way to end, rising.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::ThresholdFailed,
        Self::BadInput,
        Self::CouldNotRun,
        Self::Untrusted,
        Self::Incomplete,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The process's exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::ThresholdFailed => 1,
            Self::BadInput => 2,
            Self::CouldNotRun => 3,
            Self::Untrusted => 4,
            Self::Incomplete => 5,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// The exit of that code; an unknown code is a bug of ours.
    pub fn from_code(code: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Self::Bug)
    }

    /// What it means, as `--help` has it.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "passed: every threshold holds (or none was set)",
            Self::ThresholdFailed => "a threshold failed",
            Self::BadInput => "bad input; nothing was stored or started",
            Self::CouldNotRun => "could not run, or the target never answered",
            Self::Untrusted => "not trusted (only with --require-trusted)",
            Self::Incomplete => "incomplete: runners were lost, the rest is shown",
            Self::Bug => "a bug in dlt; please report it",
            Self::Interrupted => "interrupted; the partial result was printed",
        }
    }
}

/// The table of exit codes for `--help`.
pub fn help() -> String {
    Exit::ALL
        .into_iter()
        .map(|exit| format!("  {:>3}  {}\n", exit.code(), exit.meaning()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_decision() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 70, 130]);
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
        assert_eq!(Exit::from_code(99), Exit::Bug);
        insta::assert_snapshot!(help());
    }
}
