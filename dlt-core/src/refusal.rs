//! How a request is refused: what is wrong with it, all of it at once and each
//! with its path, and the HTTP answer made of that. Finding faults is left to the
//! readers of the text.

/// One fault of a body: where, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Dotted, `[n]` for positions, `value` for the root.
    pub path: String,
    /// What is wrong and what is wanted.
    pub reason: String,
}

/// All faults of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(|fault| format!("{}: {}", fault.path, fault.reason)).collect::<Vec<_>>().join("; "))]
pub struct Faults(pub Vec<Fault>);

/// Why a request is refused. The body on the wire is the JSON string `CODE: text`,
/// or the text alone where the contract has no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text_on_the_wire())]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The contract's code; empty for unparseable JSON.
    pub code: &'static str,
    /// The sentence after the code.
    pub text: String,
}

impl Refusal {
    /// A refusal with its HTTP status, code and sentence.
    pub fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            code,
            text: text.into(),
        }
    }

    /// What the JSON string of the error body holds.
    pub fn text_on_the_wire(&self) -> String {
        match self.code {
            "" => self.text.clone(),
            code => format!("{code}: {}", self.text),
        }
    }

    /// A body against its schema, all faults at once.
    pub fn body(faults: Vec<Fault>) -> Self {
        Self::new(400, "INVALID_REQUEST_BODY", Faults(faults).to_string())
    }

    /// A body with one fault.
    pub fn fault(path: &str, reason: impl Into<String>) -> Self {
        Self::body(vec![Fault {
            path: path.to_owned(),
            reason: reason.into(),
        }])
    }
}
