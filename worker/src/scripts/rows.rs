//! A runner's rows of a file of rows: each row of the file is one runner's, whatever their number,
//! as rows of requests' files are one user's. The first line is every runner's where it names the
//! columns.

use crate::engine::check_quotes;
use dlt_core::load::share::Lot;
use dlt_core::scenario::plan::DataSource;

/// The part of a file that a lot has, and how many rows it is; the bytes of a row stay as they are.
pub(super) fn part(source: &DataSource, bytes: &[u8], lot: Lot) -> Result<(Vec<u8>, u64), String> {
    if source.quoted {
        check_quotes(bytes, source.delimiter)?;
    }
    let mut rows = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(source.delimiter)
        .quoting(source.quoted)
        .from_reader(bytes);
    let mut own = Vec::new();
    let mut record = csv::ByteRecord::new();
    let (mut row, mut kept) = (0u64, 0u64);
    let mut names = source.columns.is_none();
    loop {
        let begin = rows.position().byte() as usize;
        match rows.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(error.to_string()),
        }
        // Blank lines before a record are passed over with it.
        let end = rows.position().byte() as usize;
        let text = line(bytes.get(begin..end).unwrap_or_default());
        let is_own = if std::mem::take(&mut names) {
            true
        } else {
            let is_own = lot.nth(kept) == row;
            row += 1;
            kept += u64::from(is_own);
            is_own
        };
        if is_own {
            own.extend_from_slice(text);
            own.push(b'\n');
        }
    }
    Ok((own, kept))
}

/// A row without the ends of lines around it.
fn line(mut text: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] | [rest @ .., b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::load::share::{Share, Slice};
    use proptest::prelude::*;

    fn source(columns: Option<&str>) -> DataSource {
        DataSource {
            path: "users.csv".to_owned(),
            delimiter: b',',
            quoted: true,
            recycled: true,
            columns: columns.map(|names| vec![names.to_owned()]),
        }
    }

    fn lot(slice: Slice, index: u64, of: u64) -> Lot {
        let share = Share { index, of };
        Lot { slice, share }
    }

    proptest! {
        /// Regions × runners have every row once, and each the first line.
        #[test]
        fn each_row_is_one_runner_s(
            rows in 0u64..60,
            counts in prop::collection::vec(1u64..5, 1..4),
            named in any::<bool>(),
        ) {
            let mut text = if named { "name,\"the\nword\"\n".to_owned() } else { String::new() };
            for row in 0..rows {
                text.push_str(&format!("\"{row}\nof two lines\",x\r\n"));
            }
            let source = source((!named).then_some("name"));
            let of = counts.iter().sum();
            let (mut first, mut seen) = (0, Vec::new());
            for count in counts {
                let slice = Slice { first, count, of };
                first += count;
                for index in 0..count {
                    let (own, kept) = part(&source, text.as_bytes(), lot(slice, index, count)).unwrap();
                    let own = String::from_utf8(own).unwrap();
                    prop_assert_eq!(own.starts_with("name,"), named);
                    let mut reader = csv::ReaderBuilder::new().has_headers(named).from_reader(own.as_bytes());
                    let before = seen.len() as u64;
                    for record in reader.records() {
                        let record = record.unwrap();
                        seen.push(record[0].lines().next().unwrap().parse::<u64>().unwrap());
                    }
                    prop_assert_eq!(seen.len() as u64 - before, kept);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..rows).collect::<Vec<_>>());
        }
    }
}
