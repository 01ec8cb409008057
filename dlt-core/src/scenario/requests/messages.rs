//! Entries of `websocket` and `events`: the request that opens the stream, and its messages.
//! Where they stand among blocks is left to `blocks`.

use crate::scenario::FileCheck;
use crate::scenario::document::notes::{Node, Notes, Object};
use crate::scenario::limits::{LONGEST_BODY, LONGEST_TEXT_BYTES, MOST_ITERATIONS};
use crate::scenario::plan::{
    Auth, Body, Check, Extraction, Find, Message, Step, StepKind, StreamKind, Subject,
};
use crate::scenario::requests::checks::checks;
use crate::scenario::requests::extract::extractions;
use crate::scenario::requests::files::file;
use crate::scenario::requests::think_times::think_time;
use crate::scenario::requests::time_limits::{Limits, TIMEOUT_RANGE};
use crate::scenario::requests::variables::Known;

/// Keys of a message.
pub(crate) const MESSAGE_KEYS: [&str; 11] = [
    "send",
    "send-file",
    "receive",
    "holding",
    "label",
    "timeout",
    "think-time",
    "assert",
    "assert-jsonpath",
    "extract-jsonpath",
    "extract-regexp",
];
/// Headers that opening a stream sets by itself.
const OWN_HEADERS: [&str; 6] = [
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "content-length",
];

/// What a message has from the scenario, and from the request that opened its stream.
pub(crate) struct Around<'a> {
    pub known: &'a Known,
    pub files: FileCheck<'a>,
    pub limits: Limits,
    /// That request and its number.
    pub opening: (usize, &'a Step),
    pub kind: StreamKind,
}

/// Makes a request one that opens a stream, and says what cannot be said of it.
pub(crate) fn open(step: &mut Step, object: &Object<'_>, kind: StreamKind, notes: &mut Notes) {
    let name = kind.name();
    for key in [
        "assert",
        "assert-jsonpath",
        "extract-jsonpath",
        "extract-regexp",
    ] {
        if object.has(key) {
            notes.fault(
                object.path_of(key),
                format!("does not go with the request that opens a {name}: write it at a message"),
            );
        }
    }
    if object.has("expect-status") {
        notes.fault(
            object.path_of("expect-status"),
            format!("does not go with the request that opens a {name}: it is opened by one status alone; remove it"),
        );
    }
    if kind == StreamKind::WebSocket && (step.method != "GET" || step.body != Body::None) {
        notes.fault(
            object.path.clone(),
            "opens a WebSocket, which is done by GET without a body (RFC 6455, 4.1)",
        );
    }
    for (header, _) in &step.headers {
        if OWN_HEADERS.contains(&header.to_ascii_lowercase().as_str()) {
            notes.fault(
                object.path.clone(),
                format!(
                    "has the header {header}, which opening a {name} sets by itself: leave it out"
                ),
            );
        }
    }
    let mut set = |name: &str, value: &str| {
        let known = step.headers.iter();
        if !known.clone().any(|row| row.0.eq_ignore_ascii_case(name)) {
            step.headers.push((name.to_owned(), value.to_owned()));
        }
    };
    match kind {
        StreamKind::WebSocket => {
            set("Connection", "Upgrade");
            set("Upgrade", "websocket");
            set("Sec-WebSocket-Version", "13");
        }
        StreamKind::Events => {
            set("Accept", "text/event-stream");
            set("Cache-Control", "no-cache");
        }
    }
    step.follow_redirects = false;
    step.kind = StepKind::Opening(kind);
}

/// Reads a message, and how many times it is waited for.
pub(crate) fn message(
    node: &Node<'_>,
    around: &Around<'_>,
    label: &dyn Fn(&Object<'_>, &mut Notes) -> String,
    notes: &mut Notes,
) -> Option<(Step, u64)> {
    let kind = around.kind;
    let object = node.object(notes)?;
    if object.has("url") {
        node.fault(
            notes,
            format!(
                "is a request inside of a {}, which its first entry opened: write it before or behind it",
                kind.name()
            ),
        );
        return None;
    }
    object.allow_only(&MESSAGE_KEYS, &[], notes);
    let body = sent(&object, around, notes);
    let sends = body != Body::None;
    let times = times(node, &object, (kind, sends), notes);
    let awaits = times > 0;
    let total_us = object
        .get("timeout")
        .and_then(|node| node.duration(TIMEOUT_RANGE, notes));
    let limits = Limits {
        total_us: total_us.or(around.limits.total_us),
        ..around.limits
    };
    let step = Step {
        label: label(&object, notes),
        headers: Vec::new(),
        auth: None::<Auth>,
        body,
        think_time: think_time(&object, notes).unwrap_or_default(),
        timeouts: limits.resolve(),
        follow_redirects: false,
        checks: checks(&object, notes),
        extractions: extractions(&object, notes),
        kind: StepKind::Message(Message {
            opening: around.opening.0,
            sends,
            awaits,
            holding: holding(&object, around.known, notes),
        }),
        ..around.opening.1.clone()
    };
    check_subjects(&object, &step, awaits, notes);
    Some((step, times.max(1)))
}

/// How many messages are waited for.
fn times(
    node: &Node<'_>,
    object: &Object<'_>,
    (kind, sends): (StreamKind, bool),
    notes: &mut Notes,
) -> u64 {
    let receive = object.get("receive").map(|node| {
        let times = node.whole(0..=MOST_ITERATIONS, notes).unwrap_or(1);
        (node, times)
    });
    match (&receive, sends) {
        (None, true) => 1,
        (None, false) => {
            let what = match kind {
                StreamKind::WebSocket => {
                    "neither sends nor receives: write send: TEXT or receive: NUMBER"
                }
                StreamKind::Events => "waits for nothing: write receive: NUMBER",
            };
            node.fault(notes, what);
            1
        }
        (Some((node, 0)), false) => {
            node.fault(
                notes,
                "is 0, and nothing is sent: the entry would do nothing",
            );
            1
        }
        (Some((node, times)), true) if *times > 1 => {
            node.fault(
                notes,
                "is more than one answer to a message: write receive: 1 here, and an entry of its own for the others",
            );
            1
        }
        (Some((_, times)), _) => *times,
    }
}

/// What is sent.
fn sent(object: &Object<'_>, around: &Around<'_>, notes: &mut Notes) -> Body {
    let text = object.get("send").and_then(|node| {
        let text = node.sized_text(0..=LONGEST_BODY, notes)?;
        around.known.check(text, &node, notes);
        Some(Body::Text(text.to_owned()))
    });
    let bytes = file(object, "send-file", around.files, notes).map(Body::File);
    if object.has("send") && object.has("send-file") {
        notes.fault(
            object.path_of("send-file"),
            "says the same as send; keep one",
        );
    }
    let body = text.or(bytes);
    if body.is_some() && around.kind == StreamKind::Events {
        notes.fault(
            object.path_of("send"),
            "is not possible: on a stream of events the target alone sends; use websocket, or a request",
        );
    }
    body.unwrap_or(Body::None)
}

fn holding(object: &Object<'_>, known: &Known, notes: &mut Notes) -> Option<String> {
    let node = object.get("holding")?;
    let text = node.sized_text(1..=LONGEST_TEXT_BYTES, notes)?;
    known.check(text, &node, notes);
    Some(text.to_owned())
}

/// A message has a text and no more, and only one that is waited for can be looked at.
fn check_subjects(object: &Object<'_>, step: &Step, awaits: bool, notes: &mut Notes) {
    let of_body = |subject: &Subject| *subject == Subject::Body;
    let checks = step.checks.iter().all(|check| match check {
        Check::Contains { subject, .. } => of_body(subject),
        Check::Json { .. } => true,
    });
    let found = step
        .extractions
        .iter()
        .all(|one: &Extraction| match &one.find {
            Find::Json(_) => true,
            Find::Regex { subject, .. } => of_body(subject),
        });
    if !checks || !found {
        notes.fault(
            object.path.clone(),
            "looks at headers or a status: a message has neither, only its text (subject: body)",
        );
    }
    let looks = !step.checks.is_empty() || !step.extractions.is_empty();
    if !awaits && (looks || object.has("holding")) {
        notes.fault(
            object.path.clone(),
            "looks at a message that it does not wait for (receive: 0)",
        );
    }
}
