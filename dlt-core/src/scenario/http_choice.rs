//! The version of HTTP that a scenario asks for. What came of it is measured
//! (`measure::http_version`).

/// The version of HTTP that a scenario asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpChoice {
    /// Over https what the server chooses of HTTP/2 and HTTP/1.1 (ALPN), else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN over https, else by prior knowledge (RFC 9113, 3.3).
    Http2,
}

impl HttpChoice {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Http1, Self::Http2];

    /// As a scenario writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}
