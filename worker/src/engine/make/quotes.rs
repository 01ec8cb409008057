//! What is wrong with the quotes and the width of a file of rows, told before its rows are read.
//! A reader of CSV takes a stray quote for the beginning of a field that goes on for lines, and so
//! swallows rows without a word; and it takes memory for every field of a row. These scans take
//! none.

use dlt_core::scenario::limits::MOST_COLUMNS;

/// Where a byte of a file stands, after the rules of the `csv` crate (RFC 4180).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the beginning of a field.
    Start,
    /// In a field without quotes, where a quote is a sign as any other.
    Plain,
    /// Between the quotes of a field.
    Quoted,
    /// Behind a quote that ends a field, unless a second one follows.
    Closed,
}

impl Place {
    /// Where the byte behind this one stands.
    fn after(self, byte: u8, delimiter: u8, quoted: bool) -> Self {
        match (self, byte) {
            (Self::Start, b'"') if quoted => Self::Quoted,
            (Self::Quoted, b'"') => Self::Closed,
            (Self::Quoted, _) | (Self::Closed, b'"') => Self::Quoted,
            _ if byte == delimiter || is_line_end(byte) => Self::Start,
            _ => Self::Plain,
        }
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Says where a quote is opened and never closed, and where text follows a closing quote: in
/// either, what a reader makes of the file is not what its author meant.
pub(crate) fn check_quotes(bytes: &[u8], delimiter: u8) -> Result<(), String> {
    let mut place = Place::Start;
    let (mut line, mut opened) = (1_u64, 1_u64);
    for byte in without_mark(bytes) {
        let next = place.after(*byte, delimiter, true);
        match (place, next) {
            (Place::Start, Place::Quoted) => opened = line,
            (Place::Closed, Place::Plain) => {
                let begun = match opened == line {
                    true => String::new(),
                    false => format!(", which belongs to one in line {opened}"),
                };
                return Err(format!("line {line}: text behind a closing quote{begun}"));
            }
            _ => {}
        }
        line += u64::from(*byte == b'\n');
        place = next;
    }
    match place {
        Place::Quoted => Err(format!("line {opened}: a quote is opened and never closed")),
        Place::Start | Place::Plain | Place::Closed => Ok(()),
    }
}

/// Says which row has more fields than a row may have.
pub(crate) fn check_width(bytes: &[u8], delimiter: u8, quoted: bool) -> Result<(), String> {
    let mut place = Place::Start;
    let (mut line, mut fields) = (1_u64, 1_usize);
    for byte in without_mark(bytes) {
        let next = place.after(*byte, delimiter, quoted);
        // Between quotes, a delimiter divides nothing.
        if next == Place::Start {
            fields = match is_line_end(*byte) {
                true => 1,
                false => fields + 1,
            };
            if fields > MOST_COLUMNS {
                return Err(format!(
                    "has more than {MOST_COLUMNS} columns in line {line}; at most {MOST_COLUMNS} are read"
                ));
            }
        }
        line += u64::from(*byte == b'\n');
        place = next;
    }
    Ok(())
}

/// A byte order mark belongs to no field.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stray_quotes_are_faults_with_their_lines() {
        for (text, says) in [
            (
                "id,b\n1,2\n3,4\n5,\"6\n7,8\n",
                "line 4: a quote is opened and never closed",
            ),
            ("id\n1\n\"2\" x\n3\n", "line 3: text behind a closing quote"),
            // The quote of a later row closes it; text follows, for it was meant to open another.
            (
                "a,b\n1,\"x\n2,y\n3,\"z\"\n",
                "line 4: text behind a closing quote, which belongs to one in line 2",
            ),
            ("\"a\" ,b\n", "line 1: text behind"),
            ("\"", "line 1: a quote is opened and never closed"),
            ("\u{feff}\"a", "line 1: a quote is opened"),
            ("a,\"b\"\"\n", "line 1: a quote is opened"),
            ("a\r\n\r\n\"b\r\n", "line 3: a quote is opened"),
            ("a\n\"x\ny\",\"", "line 3: a quote is opened"),
            ("\"a\"b\"\n", "line 1: text behind"),
        ] {
            let why = check_quotes(text.as_bytes(), b',').unwrap_err();
            assert!(why.starts_with(says), "{text:?}: {why}");
        }
    }

    #[test]
    fn quotes_that_mean_what_they_say_stay_allowed() {
        for text in [
            "",
            "pipe,size\n5\" pipe,2\n",
            "a \"b\" c,d\n",
            "a,\"b, \"\"c\"\"\nd\"\r\ne,f",
            "\"\",\"\"\n\"\"",
            "\"\"\"\"\n",
            "\u{feff}\"id\"\n1\n",
            "\"a\"\r\"b\"\r",
        ] {
            assert_eq!(check_quotes(text.as_bytes(), b','), Ok(()), "{text:?}");
        }
        // What divides fields depends on the delimiter.
        assert_eq!(check_quotes(b"\"a\";\"b\"\n", b';'), Ok(()));
        check_quotes(b"\"a\";\"b\"\n", b',').unwrap_err();
    }

    #[test]
    fn a_row_may_be_so_wide_and_no_wider() {
        let row = |fields: usize| format!("a\n{}\n", vec!["x"; fields].join(","));
        for quoted in [true, false] {
            let of = |text: &str| check_width(text.as_bytes(), b',', quoted);
            assert_eq!(of(&row(MOST_COLUMNS)), Ok(()));
            assert_eq!(of(&row(MOST_COLUMNS).repeat(3)), Ok(()));
            let why = of(&row(MOST_COLUMNS + 1)).unwrap_err();
            assert!(why.contains("columns in line 2"), "{why}");
            of(&",".repeat(5_000_000)).unwrap_err();
        }
        let held = format!("\"{}\"\n", ",".repeat(MOST_COLUMNS));
        assert_eq!(check_width(held.as_bytes(), b',', true), Ok(()));
        check_width(held.as_bytes(), b',', false).unwrap_err();
    }

    proptest! {
        /// What the crate writes is never refused, whatever the fields hold.
        #[test]
        fn what_is_written_as_csv_passes(
            rows in prop::collection::vec(
                prop::collection::vec("[a\"',;\t\r\n |é]{0,6}", 1..5),
                0..6,
            ),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
            always in any::<bool>(),
        ) {
            let style = match always {
                true => csv::QuoteStyle::Always,
                false => csv::QuoteStyle::Necessary,
            };
            let mut writer = csv::WriterBuilder::new()
                .delimiter(delimiter)
                .quote_style(style)
                .flexible(true)
                .from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let written = writer.into_inner().unwrap();
            prop_assert_eq!(check_quotes(&written, delimiter), Ok(()));
            prop_assert_eq!(check_width(&written, delimiter, true), Ok(()));
        }

        /// Rows that pass are those that the crate reads, with as many fields as were counted.
        #[test]
        fn places_are_those_of_the_crate(text in "[a\",\r\n]{0,30}") {
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(text.as_bytes());
            let read: usize = reader.byte_records().map(|row| row.unwrap().len()).sum();
            let mut place = Place::Start;
            let (mut fields, mut is_blank) = (0, true);
            for byte in text.bytes() {
                place = place.after(byte, b',', true);
                let ends_row = place == Place::Start && is_line_end(byte);
                // Lines that hold nothing are no rows.
                fields += usize::from(place == Place::Start && !(ends_row && is_blank));
                is_blank = ends_row;
            }
            prop_assert_eq!(fields + usize::from(!is_blank), read);
        }
    }
}
