//! The exit codes of `dlt` (decision 27). Which one a run's record has is decided by
//! `dlt_core::record::exit_code`.

/// An exit code of `dlt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The run passed, or the command succeeded.
    Passed,
    /// A threshold failed.
    ThresholdFailed,
    /// The input is wrong; nothing was stored.
    BadInput,
    /// The run could not be started, or the target never answered.
    CouldNotRun,
    /// The verdict is not `trusted`, and `--require-trusted` was given; or a
    /// comparison cannot be judged.
    Untrusted,
    /// Some runners are missing from the result.
    Incomplete,
    /// A bug in dlt.
    Bug,
    /// What was to be printed or saved could not be written (sysexits, `EX_IOERR`).
    Unwritten,
    /// Ctrl-C or SIGTERM; the partial result was printed.
    Interrupted,
}

impl Exit {
    /// All exit codes, ascending.
    pub const ALL: [Self; 9] = [
        Self::Passed,
        Self::ThresholdFailed,
        Self::BadInput,
        Self::CouldNotRun,
        Self::Untrusted,
        Self::Incomplete,
        Self::Bug,
        Self::Unwritten,
        Self::Interrupted,
    ];

    /// The number of the exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::ThresholdFailed => 1,
            Self::BadInput => 2,
            Self::CouldNotRun => 3,
            Self::Untrusted => 4,
            Self::Incomplete => 5,
            Self::Bug => 70,
            Self::Unwritten => 74,
            Self::Interrupted => 130,
        }
    }

    /// The exit code with this number; an unknown number is a bug.
    pub fn from_code(code: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|exit| exit.code() == code)
            .unwrap_or(Self::Bug)
    }

    /// Its meaning in `--help`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Passed => "passed: every threshold holds; or finished: none was set",
            Self::ThresholdFailed => {
                "failed: a threshold does not hold, or nothing succeeded; runs compare: worse"
            }
            Self::BadInput => "bad input; nothing was stored or started",
            Self::CouldNotRun => "could not run, or the target did not answer for give-up-after",
            Self::Untrusted => {
                "not trusted (only with --require-trusted); runs compare: cannot be judged"
            }
            Self::Incomplete => "incomplete: runners were lost, the rest is shown",
            Self::Bug => "a bug in dlt; please report it",
            Self::Unwritten => "output or result could not be written (disk full, stdout closed)",
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
    fn codes_and_help_are_unchanged() {
        let codes: Vec<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 70, 74, 130]);
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
        assert_eq!(Exit::from_code(99), Exit::Bug);
        insta::assert_snapshot!(help());
    }
}
