//! Bearer tokens for the API, from a variable or a file. Errors never contain a token.

use reqwest::header::HeaderValue;
use std::path::Path;

/// Variable with a token.
pub const TOKEN: &str = "DLT_API_TOKEN";
/// Variable with the path of a file that holds a token.
pub const TOKEN_FILE: &str = "DLT_API_TOKEN_FILE";
/// Longest token, bytes: many servers refuse headers above 16 KiB.
const LONGEST_TOKEN_BYTES: usize = 16 * 1024;

/// The token of a text, without white space around it and without `Bearer`.
pub fn checked(text: &str) -> Result<String, String> {
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() {
        return Err("the token is empty".to_owned());
    }
    if token.len() > LONGEST_TOKEN_BYTES {
        return Err(format!(
            "the token is longer than {LONGEST_TOKEN_BYTES} bytes"
        ));
    }
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("the token holds characters that no token has".to_owned());
    }
    Ok(token.to_owned())
}

/// The token in a file.
pub fn from_file(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    checked(&text)
}

/// A token as the value of an Authorization header.
pub fn header(token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| "the token is no token".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
