//! A command's words, as a shell splits them: quotes, escapes, `$'…'`, continued lines.
//! Nothing is expanded; what a shell would expand is a fault.

/// The words.
pub(super) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\'' => single(&mut signs, word.get_or_insert_default())?,
            '"' => double(&mut signs, word.get_or_insert_default())?,
            '$' if signs.peek() == Some(&'\'') => {
                signs.next();
                ansi(&mut signs, word.get_or_insert_default())?;
            }
            '\\' => match signs.next() {
                // A line that goes on.
                Some('\n') | None => {}
                Some('\r') => {
                    signs.next_if_eq(&'\n');
                }
                Some(next) => word.get_or_insert_default().push(next),
            },
            '|' | ';' | '>' | '<' | '&' if word.is_none() => {
                return Err(format!(
                    "the command goes on after {sign:?}: paste the curl command alone"
                ));
            }
            sign if sign.is_whitespace() => words.extend(word.take()),
            sign => word.get_or_insert_default().push(sign),
        }
    }
    words.extend(word);
    Ok(words)
}

type Signs<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn open(quote: &str) -> String {
    format!("a quotation mark {quote} is not closed")
}

fn single(signs: &mut Signs<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match signs.next().ok_or_else(|| open("'"))? {
            '\'' => return Ok(()),
            sign => word.push(sign),
        }
    }
}

fn double(signs: &mut Signs<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match signs.next().ok_or_else(|| open("\""))? {
            '"' => return Ok(()),
            '\\' => match signs.next().ok_or_else(|| open("\""))? {
                '\n' => {}
                sign @ ('"' | '\\' | '$' | '`') => word.push(sign),
                sign => word.extend(['\\', sign]),
            },
            sign => word.push(sign),
        }
    }
}

/// `$'…'`, as bash and browsers write what has quotes or other signs in it.
fn ansi(signs: &mut Signs<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match signs.next().ok_or_else(|| open("$'"))? {
            '\'' => return Ok(()),
            '\\' => match signs.next().ok_or_else(|| open("$'"))? {
                'n' => word.push('\n'),
                'r' => word.push('\r'),
                't' => word.push('\t'),
                'a' => word.push('\u{7}'),
                'b' => word.push('\u{8}'),
                'e' | 'E' => word.push('\u{1b}'),
                'f' => word.push('\u{c}'),
                'v' => word.push('\u{b}'),
                'x' => word.push(code(signs, 2)?),
                'u' => unicode(signs, word)?,
                'U' => word.push(code(signs, 8)?),
                sign @ ('\\' | '\'' | '"' | '?') => word.push(sign),
                '0' => return Err("a zero character cannot be sent as text".to_owned()),
                sign => word.extend(['\\', sign]),
            },
            sign => word.push(sign),
        }
    }
}

/// `\uD83D\uDE00` is one sign, as JavaScript writes it.
fn unicode(signs: &mut Signs<'_>, word: &mut String) -> Result<(), String> {
    let first = number(signs, 4)?;
    let mut units = vec![first as u16];
    if (0xd800..0xdc00).contains(&first) && signs.next_if_eq(&'\\').is_some() {
        signs
            .next_if_eq(&'u')
            .ok_or("half of a pair of surrogates stands alone")?;
        units.push(number(signs, 4)? as u16);
    }
    let read = String::from_utf16(&units);
    word.push_str(&read.map_err(|_| "half of a pair of surrogates stands alone")?);
    Ok(())
}

fn code(signs: &mut Signs<'_>, most: usize) -> Result<char, String> {
    let number = number(signs, most)?;
    // A byte above 0x7f would be a part of a sign, or of no text at all.
    char::from_u32(number)
        .filter(|sign| *sign != '\0' && (most > 2 || sign.is_ascii()))
        .ok_or_else(|| format!("\\x{number:x} is no text; write the sign itself"))
}

fn number(signs: &mut Signs<'_>, most: usize) -> Result<u32, String> {
    let mut digits = String::new();
    while digits.len() < most
        && let Some(digit) = signs.next_if(char::is_ascii_hexdigit)
    {
        digits.push(digit);
    }
    u32::from_str_radix(&digits, 16).map_err(|_| "an escape like \\x41 has no digits".to_owned())
}
