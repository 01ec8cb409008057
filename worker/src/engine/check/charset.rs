//! The charset of an answer: checks and extractions read text, and an answer says
//! which bytes its text is written in. What is saved for people keeps its bytes.

use encoding_rs::{Encoding, WINDOWS_1252};
use std::borrow::Cow;

/// A body as UTF-8, by the charset of its Content-Type. Without one, or with one that
/// is not known, its bytes are left as they are.
pub(crate) fn body_as_utf8<'a>(body: Cow<'a, [u8]>, content_type: &[u8]) -> Cow<'a, [u8]> {
    let Some(encoding) = charset(content_type) else {
        return body;
    };
    match body {
        Cow::Borrowed(bytes) => as_utf8(bytes, encoding),
        Cow::Owned(bytes) => match as_utf8(&bytes, encoding) {
            Cow::Owned(text) => Cow::Owned(text),
            Cow::Borrowed(text) if text.len() == bytes.len() => Cow::Owned(bytes),
            Cow::Borrowed(text) => Cow::Owned(text.to_vec()),
        },
    }
}

/// A head as UTF-8: what is not is Latin-1, as field values once were (RFC 9110, 5.5).
pub(crate) fn head_as_utf8(head: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(head) {
        Ok(_) => Cow::Borrowed(head),
        Err(_) => as_utf8(head, WINDOWS_1252),
    }
}

/// The bytes as they are where they are UTF-8 already.
fn as_utf8<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Cow<'a, [u8]> {
    match encoding.decode(bytes).0 {
        // Without a byte order mark, if it had one.
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The charset parameter of a Content-Type (RFC 9110, 8.3.2).
fn charset(content_type: &[u8]) -> Option<&'static Encoding> {
    let parameters = content_type.split(|byte| *byte == b';').skip(1);
    let charset = parameters.into_iter().find_map(|parameter| {
        let at = parameter.iter().position(|byte| *byte == b'=')?;
        let is_charset = parameter[..at]
            .trim_ascii()
            .eq_ignore_ascii_case(b"charset");
        is_charset.then(|| parameter[at + 1..].trim_ascii())
    })?;
    let quotes: &[u8] = b"\"'";
    let name = match charset {
        [first, inner @ .., last] if first == last && quotes.contains(first) => inner,
        name => name,
    };
    // Those that stand for nothing readable are left as they are, too.
    Encoding::for_label_no_replacement(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &[u8]) -> Vec<u8> {
        let borrowed = body_as_utf8(Cow::Borrowed(body), content_type.as_bytes()).into_owned();
        let owned = body_as_utf8(Cow::Owned(body.to_vec()), content_type.as_bytes());
        assert_eq!(owned, borrowed);
        borrowed
    }

    #[test]
    fn the_charset_of_an_answer_is_heeded() {
        let umlauts = "Grüße".as_bytes();
        for content_type in [
            "text/html; charset=iso-8859-1",
            "text/html;charset=\"ISO-8859-1\"",
            "text/html; x=y; Charset = windows-1252",
        ] {
            assert_eq!(
                read(content_type, b"Gr\xfc\xdfe"),
                umlauts,
                "{content_type}"
            );
        }
        assert_eq!(read("a/b; charset=utf-16le", b"G\0r\0"), b"Gr");
        assert_eq!(read("a/b; charset=shift_jis", b"\x83\x65"), "テ".as_bytes());
        assert_eq!(read("a/b; charset=utf-8", b"\xef\xbb\xbfGr"), b"Gr");
    }

    #[test]
    fn without_a_charset_bytes_are_left_as_they_are() {
        for content_type in [
            "",
            "text/html",
            "text/html; charset",
            "text/html; charset=klingon",
        ] {
            assert_eq!(read(content_type, b"Gr\xfc"), b"Gr\xfc", "{content_type}");
        }
        assert_eq!(&*head_as_utf8("X: ü".as_bytes()), "X: ü".as_bytes());
        assert_eq!(&*head_as_utf8(b"X: \xfc"), "X: ü".as_bytes());
    }
}
