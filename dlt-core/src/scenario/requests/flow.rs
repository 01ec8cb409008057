//! What a user does from request to request: the list of a scenario's requests with its blocks
//! (conditions, loops, choices, transactions), as flat operations with jumps. It is made when
//! the scenario is read, so that nothing is decided under load but what depends on values.
//! Walking is left to the engine.

use crate::scenario::requests::condition::Condition;
use crate::scenario::requests::think_time::ThinkTime;

/// The way through a scenario's requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// What is done, one after the other from the first; behind the last the walk is over.
    pub operations: Vec<Operation>,
    /// The conditions, by the numbers that operations have.
    pub conditions: Vec<Condition>,
    /// The names of transactions, by the numbers that operations have.
    pub transactions: Vec<Transaction>,
    /// How many loops count their passes.
    pub counters: usize,
    /// How many requests each walk makes, where all make the same number.
    pub requests: Option<u64>,
    /// Whether some loop has no end of its own.
    pub is_endless: bool,
    /// The same for people, a row for each request and block.
    pub outline: Vec<OutlineRow>,
}

/// A step of a walk. Places are indices of [`Flow::operations`].
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// Takes the request of this number, then its think time.
    Request(usize),
    /// Waits.
    Pause(ThinkTime),
    /// Goes on at a later place.
    Jump(usize),
    /// Goes on at an earlier place: a loop's next pass.
    Again(usize),
    /// Goes on at the place unless the condition of this number holds.
    Unless(usize, usize),
    /// Sets a counter.
    Count {
        /// Which one.
        counter: usize,
        /// Passes that are left.
        times: u64,
    },
    /// Takes a pass off a counter; without one left goes on at a place.
    Counted {
        /// Which one.
        counter: usize,
        /// Behind the loop.
        end: usize,
    },
    /// Goes on at one of several places, drawn by their weights.
    Choose(Vec<Choice>),
    /// Goes on at the place unless it is the first walk of its user.
    OnlyFirst(usize),
    /// Goes on at the place unless a stream is open.
    UnlessOpen(usize),
    /// Closes the stream that the step of this number opened.
    Close(usize),
    /// Begins a transaction.
    Begin(usize),
    /// Ends a transaction.
    End(usize),
    /// Ends the walk; a user begins its next.
    EndWalk,
    /// Ends the user.
    EndUser,
}

/// One of several places to go on at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The sum of the weights up to this one: it is chosen by draws below it and not below the
    /// one before.
    pub below: u64,
    /// The place.
    pub place: usize,
}

/// A group of requests that is timed as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its name in results.
    pub name: String,
    /// Whether its time has the pauses between its requests.
    pub include_timers: bool,
}

/// A row of what a scenario does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineRow {
    /// In how many blocks it stands.
    pub depth: usize,
    /// What stands there.
    pub what: Outlined,
}

/// What a row stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlined {
    /// The request of this number.
    Request(usize),
    /// A block's beginning, in words.
    Words(String),
}

impl Flow {
    /// So many requests, one after the other.
    pub fn list(requests: usize) -> Self {
        Self {
            operations: (0..requests).map(Operation::Request).collect(),
            conditions: Vec::new(),
            transactions: Vec::new(),
            counters: 0,
            requests: Some(requests as u64),
            is_endless: false,
            outline: (0..requests)
                .map(|n| OutlineRow {
                    depth: 0,
                    what: Outlined::Request(n),
                })
                .collect(),
        }
    }

    /// Whether it is a list of requests and nothing else.
    pub fn is_list(&self) -> bool {
        let mut operations = self.operations.iter();
        operations.all(|operation| matches!(operation, Operation::Request(_)))
    }

    /// Whether anything in it is drawn at random.
    pub fn is_random(&self) -> bool {
        self.operations.iter().any(|operation| match operation {
            Operation::Choose(_) => true,
            Operation::Pause(pause) => pause.is_random(),
            _ => false,
        })
    }
}
