//! Blocks among a scenario's requests: conditions, loops, choices, transactions, pauses and
//! ends. They are read into flat operations with jumps, requests into a list that the
//! operations name by number. Reading a single request is its caller's.

mod streams;

use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::document::shown::shown;
use crate::scenario::document::ways::refusal;
use crate::scenario::limits::{LONGEST_LABEL, MOST_BLOCKS, MOST_ITERATIONS, MOST_REQUESTS};
use crate::scenario::plan::{
    Choice, Flow, Operation, OutlineRow, Outlined, StreamKind, ThinkTime, Transaction,
};
use crate::scenario::requests::conditions::condition;
use crate::scenario::requests::lists::block_of;
use crate::scenario::requests::think_times::pause;
use crate::scenario::requests::variables::{Known, has_variables};
use crate::value::Value;
use streams::Stream;

/// Deepest blocks in each other.
const DEEPEST: usize = 10;
/// Heaviest weight of a choice.
const HEAVIEST: u64 = 1_000_000;
/// Keys of each block, the first its own, and those of Taurus that are refused.
const KEYS: [(&str, &[&str], &[&str]); 9] = [
    ("if", &["if", "then", "else"], &[]),
    ("while", &["while", "do"], &[]),
    ("once", &["once"], &[]),
    ("loop", &["loop", "do"], &[]),
    ("choose", &["choose"], &[]),
    (
        "transaction",
        &["transaction", "do", "include-timers"],
        &["force-parent-sample"],
    ),
    ("websocket", &["websocket"], &[]),
    ("events", &["events"], &[]),
    (
        "action",
        &["action", "pause-duration", "target"],
        &["jsr223"],
    ),
];

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It has an answer of its own.
    Alone,
    /// It opens a stream.
    Opens(StreamKind),
    /// It is a message on the stream that the request of this number opened.
    On(StreamKind, usize),
}

/// Reads one request into the list; its number and how many times it is made, or None if it has a
/// fault.
pub(crate) type ReadRequest<'r> =
    &'r mut dyn FnMut(&Node<'_>, Place, &mut Notes) -> Option<(usize, u64)>;

/// Reads a scenario's list of requests; each block's transaction with its path beside.
pub(crate) fn flow(
    node: &Node<'_>,
    known: &Known,
    request: ReadRequest<'_>,
    notes: &mut Notes,
) -> (Flow, Vec<String>) {
    let mut reader = Reader {
        flow: Flow::list(0),
        paths: Vec::new(),
        open: Vec::new(),
        blocks: 0,
        requests: 0,
        stream: None,
        known,
        request,
    };
    let requests = reader.list(node, 1, 0, notes);
    reader.flow.requests = requests;
    (reader.flow, reader.paths)
}

struct Reader<'a> {
    flow: Flow,
    /// Where each transaction stands.
    paths: Vec<String>,
    /// Transactions around what is being read.
    open: Vec<usize>,
    blocks: usize,
    requests: usize,
    /// The stream around what is being read.
    stream: Option<Stream>,
    known: &'a Known,
    request: ReadRequest<'a>,
}

impl Reader<'_> {
    /// Reads a list of at least so many entries; how many requests each walk through it makes,
    /// if all make the same number.
    fn list(
        &mut self,
        node: &Node<'_>,
        least: usize,
        depth: usize,
        notes: &mut Notes,
    ) -> Option<u64> {
        let entries = node.list(least..=MOST_REQUESTS, notes).unwrap_or_default();
        let mut requests = Some(0u64);
        for entry in &entries {
            let more = match block_of(entry.value) {
                None => self.one_request(entry, depth, notes),
                Some(key) => self.block(key, entry, depth, notes),
            };
            requests = requests
                .zip(more)
                .map(|(sum, more)| sum.saturating_add(more));
        }
        requests
    }

    fn one_request(&mut self, node: &Node<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        self.requests += 1;
        if self.requests > MOST_REQUESTS {
            if self.requests == MOST_REQUESTS + 1 {
                node.fault(
                    notes,
                    format!("is one request too many: at most {MOST_REQUESTS} are allowed in all, those in blocks included"),
                );
            }
            return Some(1);
        }
        if self.stream.is_some() {
            self.message(node, depth, notes);
        } else if let Some((number, _)) = (self.request)(node, Place::Alone, notes) {
            self.flow.operations.push(Operation::Request(number));
            self.row(depth, Outlined::Request(number));
        }
        Some(1)
    }

    fn row(&mut self, depth: usize, what: Outlined) {
        self.flow.outline.push(OutlineRow { depth, what });
    }

    fn words(&mut self, depth: usize, words: String) {
        self.row(depth, Outlined::Words(words));
    }

    /// The next place.
    fn here(&self) -> usize {
        self.flow.operations.len()
    }

    /// Adds an operation whose place to go on at is set later; where it stands.
    fn push(&mut self, operation: Operation) -> usize {
        self.flow.operations.push(operation);
        self.here() - 1
    }

    /// Sets the place of an operation to what follows now.
    fn lead_here(&mut self, at: usize) {
        let here = self.here();
        if let Some(
            Operation::Jump(place)
            | Operation::Unless(_, place)
            | Operation::OnlyFirst(place)
            | Operation::UnlessOpen(place)
            | Operation::Counted { end: place, .. },
        ) = self.flow.operations.get_mut(at)
        {
            *place = here;
        }
    }

    fn block(
        &mut self,
        key: &str,
        node: &Node<'_>,
        depth: usize,
        notes: &mut Notes,
    ) -> Option<u64> {
        let object = node.object(notes)?;
        self.blocks += 1;
        if depth >= DEEPEST || self.blocks > MOST_BLOCKS {
            if depth == DEEPEST || self.blocks == MOST_BLOCKS + 1 {
                node.fault(
                    notes,
                    format!("is one block too many: at most {MOST_BLOCKS} are allowed, and {DEEPEST} in each other"),
                );
            }
            return None;
        }
        let Some((_, keys, refused)) = KEYS.iter().find(|row| row.0 == key) else {
            // Of Taurus.
            notes.fault(object.path_of(key), refusal(key));
            return None;
        };
        if object.get("url").is_some() {
            notes.fault(
                object.path_of(key),
                "stands beside url: a block is an entry of its own, and the request goes into its list",
            );
            return None;
        }
        object.allow_only(keys, refused, notes);
        match key {
            "if" => self.condition(&object, depth, notes),
            "while" => self.while_loop(&object, depth, notes),
            "once" => self.once(&object, depth, notes),
            "loop" => self.counted_loop(&object, depth, notes),
            "choose" => self.choice(&object, depth, notes),
            "transaction" => self.transaction(&object, depth, notes),
            "websocket" => self.stream(StreamKind::WebSocket, &object, depth, notes),
            "events" => self.stream(StreamKind::Events, &object, depth, notes),
            _ => self.action(&object, depth, notes),
        }
    }

    /// The list of a block that needs one.
    fn inside(
        &mut self,
        object: &Object<'_>,
        key: &str,
        depth: usize,
        notes: &mut Notes,
    ) -> Option<u64> {
        match object.get(key) {
            Some(node) => self.list(&node, 1, depth + 1, notes),
            None => {
                notes.fault(
                    object.path_of(key),
                    "is missing: list the requests of the block",
                );
                None
            }
        }
    }

    /// Adds a jump that is taken unless the block's condition holds; its place and words.
    fn unless(&mut self, object: &Object<'_>, key: &str, notes: &mut Notes) -> (usize, String) {
        let read = object
            .get(key)
            .and_then(|node| condition(&node, self.known, notes));
        let words = read
            .as_ref()
            .map_or_else(String::new, |read| read.text.clone());
        self.flow.conditions.extend(read);
        let number = self.flow.conditions.len().saturating_sub(1);
        (self.push(Operation::Unless(number, 0)), words)
    }

    fn condition(&mut self, object: &Object<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        let (unless, words) = self.unless(object, "if", notes);
        self.words(depth, format!("if {words}"));
        let then = match object.get("then") {
            Some(node) => self.list(&node, 0, depth + 1, notes),
            None => {
                notes.fault(
                    object.path_of("then"),
                    "is missing: list the requests that are sent if the condition holds",
                );
                None
            }
        };
        let otherwise = match object.get("else") {
            Some(node) => {
                let jump = self.push(Operation::Jump(0));
                self.lead_here(unless);
                self.words(depth, "else".to_owned());
                let otherwise = self.list(&node, 0, depth + 1, notes);
                self.lead_here(jump);
                otherwise
            }
            None => {
                self.lead_here(unless);
                Some(0)
            }
        };
        then.filter(|then| otherwise == Some(*then))
    }

    fn while_loop(&mut self, object: &Object<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        let start = self.here();
        let (unless, words) = self.unless(object, "while", notes);
        self.words(depth, format!("while {words}"));
        self.inside(object, "do", depth, notes);
        self.push(Operation::Again(start));
        self.lead_here(unless);
        None
    }

    fn once(&mut self, object: &Object<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        self.words(depth, "in a user's first round only".to_owned());
        let first = self.push(Operation::OnlyFirst(0));
        let inside = self.inside(object, "once", depth, notes);
        self.lead_here(first);
        inside.filter(|requests| *requests == 0)
    }

    fn counted_loop(
        &mut self,
        object: &Object<'_>,
        depth: usize,
        notes: &mut Notes,
    ) -> Option<u64> {
        let node = object.get("loop")?;
        if node.value.as_str() == Some("forever") {
            self.flow.is_endless = true;
            self.words(depth, "until the load ends".to_owned());
            let start = self.here();
            self.inside(object, "do", depth, notes);
            self.push(Operation::Again(start));
            return None;
        }
        let times = match node.value {
            Value::String(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                let given = shown(text);
                node.fault(
                    notes,
                    format!("must be a whole number of times, like 3, or forever, not {given}"),
                );
                None
            }
            _ => node.whole(1..=MOST_ITERATIONS, notes),
        };
        let times = times.unwrap_or(1);
        self.words(depth, format!("{times} times"));
        let counter = self.flow.counters;
        self.flow.counters += 1;
        self.push(Operation::Count { counter, times });
        let start = self.push(Operation::Counted { counter, end: 0 });
        let inside = self.inside(object, "do", depth, notes);
        self.push(Operation::Again(start));
        self.lead_here(start);
        Some(inside?.saturating_mul(times))
    }

    fn choice(&mut self, object: &Object<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        let entries = object
            .get("choose")
            .and_then(|node| node.list(1..=MOST_REQUESTS, notes))
            .unwrap_or_default();
        let read: Vec<(u64, Object<'_>)> = entries
            .iter()
            .filter_map(|entry| weighted(entry, notes))
            .collect();
        let all: u64 = read.iter().map(|row| row.0).sum();
        if all == 0 && !read.is_empty() {
            notes.fault(
                object.path_of("choose"),
                "has no weight above 0, so that nothing could be chosen",
            );
        }
        self.words(depth, "one of".to_owned());
        let at = self.push(Operation::Choose(Vec::new()));
        let (mut choices, mut jumps, mut below) = (Vec::new(), Vec::new(), 0);
        let mut requests: Option<Option<u64>> = None;
        for (weight, entry) in &read {
            below += weight;
            if *weight > 0 {
                let place = self.here();
                choices.push(Choice { below, place });
            }
            self.words(depth + 1, format!("{weight} of {all}"));
            let inside = self.list_of_choice(entry, depth + 1, notes);
            requests = match requests {
                None => Some(inside),
                Some(known) if known == inside => Some(known),
                Some(_) => Some(None),
            };
            jumps.push(self.push(Operation::Jump(0)));
        }
        for jump in jumps {
            self.lead_here(jump);
        }
        if let Some(Operation::Choose(places)) = self.flow.operations.get_mut(at) {
            *places = choices;
        }
        requests.flatten()
    }

    /// The requests of a choice; none is a choice, too.
    fn list_of_choice(
        &mut self,
        entry: &Object<'_>,
        depth: usize,
        notes: &mut Notes,
    ) -> Option<u64> {
        match entry.get("do") {
            Some(node) => self.list(&node, 0, depth + 1, notes),
            None => {
                notes.fault(
                    entry.path_of("do"),
                    "is missing: list the requests of this choice; do: [] is none",
                );
                None
            }
        }
    }

    fn transaction(&mut self, object: &Object<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        let node = object.get("transaction")?;
        let include_timers = object
            .get("include-timers")
            .and_then(|node| node.boolean(notes))
            .unwrap_or(false);
        let name = node
            .sized_text(1..=LONGEST_LABEL, notes)
            .unwrap_or_default()
            .to_owned();
        if has_variables(&name) {
            node.fault(
                notes,
                "holds ${…}, which is not replaced here: a transaction has one name",
            );
        }
        let wanted = Transaction {
            name,
            include_timers,
        };
        let known = self
            .flow
            .transactions
            .iter()
            .position(|known| known.name == wanted.name);
        let number = known.unwrap_or(self.flow.transactions.len());
        match known {
            Some(number) if self.open.contains(&number) => {
                node.fault(notes, "is inside of a transaction of the same name");
            }
            Some(number) if self.flow.transactions[number] != wanted => {
                node.fault(
                    notes,
                    "has another transaction of the same name, with other include-timers: write both alike",
                );
            }
            Some(_) => {}
            None => {
                self.flow.transactions.push(wanted.clone());
                self.paths.push(node.path.clone());
            }
        }
        self.words(depth, format!("transaction {}", wanted.name));
        self.open.push(number);
        self.push(Operation::Begin(number));
        let inside = self.inside(object, "do", depth, notes);
        self.push(Operation::End(number));
        self.open.pop();
        inside
    }

    fn action(&mut self, object: &Object<'_>, depth: usize, notes: &mut Notes) -> Option<u64> {
        const ACTIONS: [&str; 4] = ["pause", "stop", "stop-now", "continue"];
        let action = object
            .get("action")
            .and_then(|node| node.choice(&ACTIONS, notes))?;
        if let Some(node) = object.get("target")
            && node.value.as_str() != Some("current-thread")
        {
            node.fault(
                notes,
                "must be current-thread, which it is without being said: a user pauses or ends itself alone",
            );
        }
        let length = object.get("pause-duration");
        match (action, length) {
            ("pause", Some(node)) => {
                let pause = pause(&node, notes).unwrap_or(ThinkTime::Fixed(0));
                self.words(depth, format!("pause {pause}"));
                self.push(Operation::Pause(pause));
                return Some(0);
            }
            ("pause", None) => notes.fault(
                object.path_of("pause-duration"),
                "is missing: say how long, like 5s",
            ),
            (_, Some(node)) => node.fault(notes, format!("does not go with action: {action}")),
            (_, None) => {}
        }
        let (operation, words) = match action {
            "continue" => (Operation::EndWalk, "begin the next round"),
            _ => (Operation::EndUser, "end the user"),
        };
        self.words(depth, words.to_owned());
        self.push(operation);
        None
    }
}

/// A choice with its weight.
fn weighted<'a>(entry: &Node<'a>, notes: &mut Notes) -> Option<(u64, Object<'a>)> {
    let object = entry.object(notes)?;
    object.allow_only(&["weight", "do"], &[], notes);
    let weight = match object.get("weight") {
        Some(node) => node.whole(0..=HEAVIEST, notes).unwrap_or(1),
        None => 1,
    };
    Some((weight, object))
}
