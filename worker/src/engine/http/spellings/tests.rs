//! Values are found in every spelling, whole, and nothing else is.

use super::*;
use proptest::prelude::*;

/// The text without what is found in it.
fn shown(text: &str, values: &[&str]) -> String {
    let mut shown = String::new();
    let mut at = 0;
    for range in find(text, values) {
        shown.push_str(&text[at..range.start]);
        shown.push('*');
        at = range.end;
    }
    shown.push_str(&text[at..]);
    shown
}

#[test]
fn values_are_found_in_common_spellings() {
    let value = "p/q+r &<\"é'=😀x";
    for spelled in [
        value,
        // Percent-encoding: upper or lower, all or some, a space as a plus sign.
        "p%2Fq%2Br%20%26%3C%22%C3%A9%27%3D%F0%9F%98%80x",
        "p%2fq%2br%20%26%3c%22%c3%a9%27%3d%f0%9f%98%80x",
        "p/q%2Br+%26%3C%22%C3%A9'=%F0%9F%98%80x",
        "p/q+r%20&%3C%22é'=😀x",
        // JSON: what must be escaped, what some escape, everything.
        "p/q+r &<\\\"é'=😀x",
        "p\\/q+r \\u0026\\u003C\\\"\\u00e9\\u0027\\u003d\\ud83d\\uDE00x",
        "\\u0070\\u002f\\u0071\\u002b\\u0072\\u0020\\u0026\\u003c\\u0022\\u00e9\\u0027\\u003d\\ud83d\\ude00\\u0078",
        "p\\x2fq\\x2Br &<\\x22\\xe9\\'=😀x",
        // HTML: names, numbers, zeros in front.
        "p&#x2F;q&plus;r &amp;&lt;&quot;&eacute;&#39;&equals;&#128512;x",
        "p&#47;q&#43;r&#32;&#38;&#60;&#34;&#233;&#x27;&#61;&#X1f600;x",
        "p&sol;q+r &AMP;&LT;&#x00022;é&apos;=😀x",
        // One in the other, and twice.
        "p\\/q+r \\u0026lt;".trim_end_matches(" \\u0026lt;"),
        "p%252Fq%252Br%2520%2526%253C%2522%25C3%25A9%2527%253D%25F0%259F%2598%2580x",
        "p&#x2F;q%2Br%20\\u0026&lt;&quot;%C3%A9&#39;=😀x",
        "p&amp;#x2F;q+r &amp;amp;&amp;lt;&amp;quot;é'=😀x",
    ] {
        let value = match spelled {
            // The first part alone, for a value without what follows.
            "p\\/q+r" => "p/q+r",
            _ => value,
        };
        assert_eq!(
            shown(&format!("it: {spelled}!"), &[value]),
            "it: *!",
            "{spelled}"
        );
    }
}

#[test]
fn what_a_url_holds_is_found_as_it_was_meant() {
    let value = "a%2Fb%20c";
    for spelled in ["a%2Fb%20c", "a/b c", "a%2fb+c", "a\\/b c", "a&#47;b c"] {
        assert_eq!(shown(spelled, &[value]), "*", "{spelled}");
    }
    // What only looks like an escape is the value itself.
    for value in ["100%sure", "%zz%", "a\\u12", "&none;x", "50%25"] {
        assert_eq!(shown(&format!("<{value}>"), &[value]), "<*>");
    }
    assert_eq!(shown("secret", &["secret%"]), "*");
    assert_eq!(shown("the secret is", &["secret%"]), "the secret is");
}

#[test]
fn values_are_found_in_base64() {
    let value = "S3CRET?>pw";
    for user in ["", "u:", "me:", "a_user:", "\u{fffd}:"] {
        for behind in ["", "x", "xy", "\u{ff}\u{ff}\u{ff}"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{user}{value}{behind}"));
            let in_url = encoded.replace('+', "-").replace('/', "_");
            let percent = encoded.replace('+', "%2B").replace('/', "%2f");
            let json = encoded.replace('/', "\\/");
            for spelled in [encoded, in_url, percent, json] {
                let text = format!("Basic {spelled}== end, x={spelled}");
                assert_eq!(shown(&text, &[value]), "Basic * end, x=*", "{spelled}");
            }
        }
    }
    // Another one, and a word that is none.
    let other = STANDARD_NO_PAD.encode("me:S3CREX?>pw");
    assert_eq!(shown(&other, &[value]), other);
}

#[test]
fn a_value_that_the_end_cuts_is_found() {
    for (text, expected) in [
        ("it is pass/w", "it is *"),
        ("it is pass%2Fw", "it is *"),
        ("it is pass%2", "it is *"),
        ("it is pass%", "it is *"),
        ("it is pass&#x2", "it is *"),
        ("it is pass\\u00", "it is *"),
        ("it is pass\\", "it is *"),
        ("it is pas", "it is pas"),
        ("a pass/ticket", "a pass/ticket"),
        ("Basic bWU6cGFzcy93b3", "Basic *"),
    ] {
        assert_eq!(shown(text, &["pass/word"]), expected, "{text}");
    }
    assert_eq!(begun(b"xababa", b"ababac"), 5);
    assert_eq!(begun(b"aab", b"aaab"), 0);
    assert_eq!(begun(b"aaa", b"aaab"), 3);
    assert_eq!(begun(b"", b"aaab"), 0);
}

#[test]
fn many_and_overlapping_values_cost_no_more_than_a_few_passes() {
    let run = "YWFh".repeat(100_000);
    assert_eq!(shown(&run, &["aaaa", "aaaaaaaa"]), "*");
    let long = "a".repeat(200_000);
    let value = format!("{long}b");
    assert_eq!(shown(&format!("c{long}"), &[&value]), "c*");
    let escapes = "%2F&#47;\\u002f+".repeat(20_000);
    assert_eq!(shown(&escapes, &["no such value"]), escapes);
    assert_eq!(shown("abcdefgh", &["abcde", "defgh"]), "*");
    // Short ones are taken as they are.
    assert_eq!(shown("a%62 ab", &["ab"]), "* *");
    assert_eq!(shown("text", &[""]), "text");
}

/// A character in one of its spellings; what could begin an escape is always escaped.
fn spelled(character: char, way: u8) -> String {
    match way % 6 {
        0 if character.is_alphanumeric() => character.to_string(),
        1 => {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).bytes();
            bytes.map(|byte| format!("%{byte:02X}")).collect()
        }
        2 => {
            let mut units = [0; 2];
            let units = character.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{unit:04x}")).collect()
        }
        3 => format!("&#{};", u32::from(character)),
        4 => format!("&#x{:X};", u32::from(character)),
        _ => {
            let mut bytes = [0; 4];
            let bytes = character.encode_utf8(&mut bytes).bytes();
            bytes.map(|byte| format!("%{byte:02x}")).collect()
        }
    }
}

proptest! {
    /// Each character may have another spelling. What stands around the value is a sign that no value
    /// has: with one of its own it could begin once more, and be cut by the end.
    #[test]
    fn values_are_found_however_their_characters_are_spelled(
        value in "[ -~é😀]{4,12}",
        ways in prop::collection::vec(any::<u8>(), 12),
    ) {
        let spelled: String = value.chars().zip(ways).map(|(c, way)| spelled(c, way)).collect();
        let shown = shown(&format!("\n{spelled}\n"), &[&value]);
        prop_assert_eq!(shown, "\n*\n", "{}", spelled);
    }

    /// Whatever the texts, ranges are in order and on characters.
    #[test]
    fn ranges_can_be_cut_out(
        text in "[%&#;+\\\\u0-9a-fA-Fé😀= ]{0,60}",
        values in prop::collection::vec("[%&#;+\\\\u0-9a-fé😀]{0,8}", 0..4),
    ) {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let shown = shown(&text, &values);
        for value in values.iter().filter(|value| !value.is_empty() && !value.contains('*')) {
            prop_assert!(!shown.contains(value), "{} in {}", value, shown);
        }
    }
}
