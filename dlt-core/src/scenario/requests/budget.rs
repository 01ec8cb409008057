//! What looking into one answer may cost. Patterns are written by whoever writes a
//! scenario, and answers by whoever answers: neither may take a load thread's time or
//! a runner's memory. `json_path` and `search` spend it; time is measured by the
//! caller.

use std::cell::Cell;

/// Most steps for all checks and extractions of one answer: a node that is looked at,
/// a few bytes that are searched. A second of one core at most; a JSONPath that goes
/// through all of the longest answer takes a tenth of it.
pub const MOST_STEPS: u64 = 20_000_000;
/// Most nodes of one list that a JSONPath makes on its way: 8 MB.
pub const MOST_NODES: usize = 1_000_000;
/// Most values of an answer's JSON, which is read as a whole: 200 MB, whatever they are.
pub const MOST_VALUES: usize = 1_000_000;
/// Bytes that are compared, copied or searched in a step.
const BYTES_PER_STEP: usize = 64;
/// Steps between two looks at the clock: a millisecond.
const STEPS_PER_LOOK: u64 = 16_384;

/// What was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// Steps.
    #[error("it takes more than {MOST_STEPS} steps")]
    Steps,
    /// Nodes of one list.
    #[error("it leads to more than {MOST_NODES} values at once")]
    Nodes,
    /// Values of an answer.
    #[error("the body has more than {MOST_VALUES} JSON values")]
    Values,
    /// The caller's time.
    #[error("it takes longer than an answer may be looked at")]
    Time,
}

/// What is left for one answer.
pub struct Budget<'a> {
    steps: Cell<u64>,
    /// Looks at the clock once no more than so many steps are left.
    next_look: Cell<u64>,
    in_time: &'a dyn Fn() -> bool,
}

impl std::fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Budget");
        shown.field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl<'a> Budget<'a> {
    /// All of it; `in_time` says whether there is time left.
    pub fn new(in_time: &'a dyn Fn() -> bool) -> Self {
        Self {
            steps: Cell::new(MOST_STEPS),
            next_look: Cell::new(MOST_STEPS - STEPS_PER_LOOK),
            in_time,
        }
    }

    /// Spends steps.
    #[inline]
    pub(crate) fn spend(&self, steps: u64) -> Result<(), OverBudget> {
        let left = self.steps.get().checked_sub(steps);
        let Some(left) = left else {
            self.steps.set(0);
            return Err(OverBudget::Steps);
        };
        self.steps.set(left);
        if left <= self.next_look.get() {
            self.next_look.set(left.saturating_sub(STEPS_PER_LOOK));
            return self.look();
        }
        Ok(())
    }

    /// Spends what it takes to go through so many bytes once.
    pub fn spend_bytes(&self, bytes: usize) -> Result<(), OverBudget> {
        self.spend(1 + (bytes / BYTES_PER_STEP) as u64)
    }

    /// Whether there is time for something that costs no steps of its own.
    pub(crate) fn look(&self) -> Result<(), OverBudget> {
        if (self.in_time)() {
            Ok(())
        } else {
            Err(OverBudget::Time)
        }
    }
}
