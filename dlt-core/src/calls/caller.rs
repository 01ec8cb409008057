//! Who calls, as far as an answer depends on it. How a server finds that out is its own.

use super::request::Call;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Look at everything but secrets.
    Reader,
    /// Change everything, and see the secrets that were written.
    Writer,
}

/// Whose token a request carries, as its checker names them: what one may take of a server at once is
/// counted by it. Not for people's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder(pub String);

impl Caller {
    /// Whether this call is for such a caller, else why not: for an answer of status 403,
    /// which is the servers' to give. That a reader changes nothing is seen to before, by
    /// the check of tokens or by IAM.
    pub fn may(self, call: &Call) -> Result<(), &'static str> {
        let asks = matches!(
            call,
            Call::GetScenario { secrets: true, .. } | Call::GetRun { secrets: true, .. }
        );
        match self {
            Self::Reader if asks => {
                Err("secrets are shown to those who may write; ask without secrets=true")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::request::Request;

    #[test]
    fn a_reader_is_shown_no_secrets() {
        let call = |path_and_query: &str| {
            let (path, query) = path_and_query.split_once('?').unwrap();
            let request = Request {
                method: "GET",
                path,
                query: Some(query),
                body: b"",
            };
            Call::read(&request).unwrap().unwrap()
        };
        for path in ["/scenarios/a", "/scenarios/a/testruns/b"] {
            for (query, reader) in [("secrets=true", false), ("secrets=false", true), ("", true)] {
                let call = call(&format!("{path}?{query}"));
                assert_eq!(Caller::Reader.may(&call).is_ok(), reader, "{path} {query}");
                assert_eq!(Caller::Writer.may(&call), Ok(()));
            }
        }
    }
}
