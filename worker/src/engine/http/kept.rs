//! What a step keeps of an answer: head, body, cookies. For most steps this is
//! nothing, and nothing is allocated.

use httparse::Header;

/// Longest body that is kept, bytes as on the wire: checking a longer one would
/// slow the generator down.
pub(crate) const LONGEST_KEPT_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Most Set-Cookie headers of an answer: browsers keep as many for a site.
const MOST_SET_COOKIES: usize = 50;
/// Longest Set-Cookie header, bytes: as browsers take them.
const LONGEST_SET_COOKIE_BYTES: usize = 4_096;

/// What to keep of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeepSpec {
    /// Status line and headers.
    pub(crate) head: bool,
    /// The body, and how it is encoded.
    pub(crate) body: bool,
    /// The Set-Cookie headers.
    pub(crate) cookies: bool,
}

/// What was kept of an answer.
#[derive(Debug, Default)]
pub(crate) struct KeptResponse {
    /// The last head; each line ends with LF.
    pub(crate) head: Vec<u8>,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    /// Its Content-Encoding, empty if it has none.
    pub(crate) encoding: Vec<u8>,
    /// Its Content-Type, empty if it has none.
    pub(crate) content_type: Vec<u8>,
    /// Values of Set-Cookie headers.
    pub(crate) cookies: Vec<Box<[u8]>>,
    /// Whether the body is longer than what is kept.
    pub(crate) overlong: bool,
}

impl KeptResponse {
    /// Keeps of a head what `keep` says.
    pub(super) fn add_head(&mut self, keep: KeepSpec, bytes: &[u8], headers: &[Header<'_>]) {
        if keep.head {
            let lines = bytes.split(|byte| *byte == b'\n');
            for line in lines
                .map(<[u8]>::trim_ascii_end)
                .filter(|line| !line.is_empty())
            {
                self.head.extend_from_slice(line);
                self.head.push(b'\n');
            }
        }
        let is = |header: &&Header<'_>, name: &str| header.name.eq_ignore_ascii_case(name);
        if keep.body {
            let codings = headers
                .iter()
                .filter(|header| is(header, "content-encoding"));
            for header in codings {
                if !self.encoding.is_empty() {
                    self.encoding.push(b',');
                }
                self.encoding.extend_from_slice(header.value);
            }
        }
        if keep.body
            && let Some(header) = headers.iter().find(|header| is(header, "content-type"))
        {
            self.content_type = header.value.to_vec();
        }
        if keep.cookies {
            let cookies = headers
                .iter()
                .filter(|header| is(header, "set-cookie"))
                .filter(|header| header.value.len() <= LONGEST_SET_COOKIE_BYTES)
                .take(MOST_SET_COOKIES)
                .map(|header| header.value.into());
            self.cookies.extend(cookies);
        }
    }

    pub(super) fn add_body(&mut self, bytes: &[u8]) {
        if self.overlong || self.body.len() + bytes.len() > LONGEST_KEPT_BODY_BYTES {
            self.overlong = true;
            // A part of a body is not checked.
            self.body = Vec::new();
            return;
        }
        self.body.extend_from_slice(bytes);
    }
}
