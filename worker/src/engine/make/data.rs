//! Rows of data: a file read into a table, and the rows of each thread.
//!
//! Row r belongs to user (or arrival) r modulo their number, and so to the thread
//! that has this user. Each row thus belongs to exactly one thread of one runner,
//! and none to a thread without users. The walkers of a thread take its rows as
//! they need them. The caller says which users a thread has.

use crate::engine::make::quotes::{check_quotes, check_width};
use dlt_core::load::share::Lot;
use dlt_core::scenario::limits::{LARGEST_DATA_BYTES, MOST_ROWS};
use dlt_core::scenario::plan::DataSource;
use dlt_core::scenario::requests::variables::is_name;
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

/// Most names of columns in a message.
const SHOWN_NAMES: usize = 10;
/// Longest part of a field in a message, characters.
const LONGEST_SHOWN: usize = 40;

/// The rows of a file.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    /// All fields, without separators.
    text: String,
    /// Where each field ends in `text`.
    ends: Vec<u32>,
}

impl Table {
    /// Reads a file, or says what is wrong with it.
    pub(crate) fn read(source: &DataSource, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LARGEST_DATA_BYTES {
            let has = bytes.len();
            return Err(format!(
                "has {has} bytes; at most {LARGEST_DATA_BYTES} are read"
            ));
        }
        // A byte order mark does not belong to the first name.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = text_of(bytes)?;
        check_form(source, bytes)?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(source.delimiter)
            .quoting(source.quoted)
            .from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        let mut next = |record: &mut csv::StringRecord| {
            let read = reader.read_record(record);
            read.map_err(|error| format!("cannot be read as rows: {error}"))
        };
        let columns = match &source.columns {
            Some(columns) => columns.clone(),
            None => {
                if !next(&mut record)? {
                    return Err(
                        "is empty; its first line should name the columns, and rows should follow"
                            .to_owned(),
                    );
                }
                // Nor does one behind white space, where files were put together.
                let around = |c: char| c.is_whitespace() || c == '\u{feff}';
                let names = record
                    .iter()
                    .map(|name| name.trim_matches(around).to_owned());
                let names: Vec<String> = names.collect();
                check_delimiter(&names, source.delimiter)?;
                check_names(&names)?;
                names
            }
        };
        let mut table = Self {
            columns,
            text: String::with_capacity(bytes.len()),
            ends: Vec::new(),
        };
        while next(&mut record)? {
            if record.len() != table.columns.len() {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(table.ragged(&record, line, source));
            }
            if table.rows() >= MOST_ROWS {
                return Err(format!("has more than {MOST_ROWS} rows"));
            }
            for field in &record {
                table.text.push_str(field);
                // At most the length of the file, which is below 4 GiB.
                table.ends.push(table.text.len() as u32);
            }
        }
        if table.ends.is_empty() {
            return Err(match &source.columns {
                Some(_) => "has no rows: it is empty".to_owned(),
                None => format!(
                    "has no rows: it has only its first line, which names {}",
                    listed(&table.columns)
                ),
            });
        }
        table.text.shrink_to_fit();
        table.ends.shrink_to_fit();
        Ok(table)
    }

    /// Why a row does not fit, with what it holds.
    fn ragged(&self, record: &csv::StringRecord, line: u64, source: &DataSource) -> String {
        let fields = match record.len() {
            1 => "1 field".to_owned(),
            several => format!("{several} fields"),
        };
        let first = shown(record.get(0).unwrap_or_default());
        let named_by = match &source.columns {
            Some(_) => "variable-names has",
            None => "its first line names",
        };
        let hint = match record
            .get(0)
            .and_then(|field| other_delimiter(field, source.delimiter))
        {
            Some(sign) if record.len() == 1 => format!("; is its delimiter {sign}?"),
            _ => String::new(),
        };
        format!(
            "has {fields} in line {line}, which begins with {first}, but {named_by} {}: {}{hint}",
            self.columns.len(),
            listed(&self.columns)
        )
    }

    pub(crate) fn rows(&self) -> u64 {
        (self.ends.len() / self.columns.len().max(1)) as u64
    }

    /// The fields of a row below [`Self::rows`].
    pub(crate) fn row(&self, row: u64) -> impl Iterator<Item = &str> {
        let width = self.columns.len();
        let first = row as usize * width;
        (first..first + width).map(|at| {
            let begin = at
                .checked_sub(1)
                .map_or(0, |before| self.ends[before] as usize);
            &self.text[begin..self.ends[at] as usize]
        })
    }
}

/// What a reader of rows would not tell: fields held together by mistake, and rows that are too
/// wide to be held.
fn check_form(source: &DataSource, bytes: &[u8]) -> Result<(), String> {
    check_width(bytes, source.delimiter, source.quoted)?;
    if !source.quoted {
        return Ok(());
    }
    check_quotes(bytes, source.delimiter).map_err(|why| {
        format!(
            "cannot be read as rows: {why}; if quotes hold no fields together in it, write quoted: false"
        )
    })
}

/// The text of a file, which must be UTF-8.
fn text_of(bytes: &[u8]) -> Result<&str, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("is UTF-16; save it as UTF-8".to_owned());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let byte = bytes.get(at).copied().unwrap_or_default();
        format!("is not UTF-8: line {line} holds the byte 0x{byte:02x}, as in Latin-1 or Windows-1252; save it as UTF-8")
    })
}

/// A sign that looks like the delimiter of a field that was not divided.
fn other_delimiter(field: &str, delimiter: u8) -> Option<&'static str> {
    let signs = [
        (',', "\",\""),
        (';', "\";\""),
        ('\t', "\"tab\""),
        ('|', "\"|\""),
    ];
    let found = signs
        .into_iter()
        .find(|(sign, _)| *sign != char::from(delimiter) && field.contains(*sign));
    found.map(|(_, name)| name)
}

/// A first line that is one name with a delimiter in it was not divided by the right one.
fn check_delimiter(names: &[String], delimiter: u8) -> Result<(), String> {
    let [name] = names else {
        return Ok(());
    };
    match other_delimiter(name, delimiter) {
        None => Ok(()),
        Some(sign) => Err(format!(
            "has one column called {}: is its delimiter {sign}? Then write delimiter: {sign}; else name the column in variable-names",
            shown(name)
        )),
    }
}

fn listed(names: &[String]) -> String {
    let some = names.iter().take(SHOWN_NAMES).map(|name| short(name));
    let some: Vec<Cow<'_, str>> = some.collect();
    let more = if names.len() > SHOWN_NAMES {
        ", …"
    } else {
        ""
    };
    format!("{}{more}", some.join(", "))
}

/// A name, cut where it is long.
pub(crate) fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn check_names(names: &[String]) -> Result<(), String> {
    for (at, name) in names.iter().enumerate() {
        if !is_name(name) {
            let name = shown(name);
            return Err(format!("has a first line that names no column: {name}"));
        }
        if names[..at].contains(name) {
            return Err(format!("has two columns called {}", short(name)));
        }
    }
    Ok(())
}

/// The users or arrivals among which rows are dealt, and those of one thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowOwners {
    /// The rows that are dealt: the runner's part if its users are its own, else all.
    pub(crate) rows: Lot,
    /// How many users or arrivals there are.
    pub(crate) total: u64,
    /// Those of the thread.
    pub(crate) of_thread: Lot,
}

impl RowOwners {
    /// The k-th row of the thread, rising; None if it has no users or arrivals.
    fn row(&self, k: u64) -> Option<u64> {
        let count = self.of_thread.count(self.total);
        let round = k.checked_div(count)?;
        let first = round.checked_mul(self.total)?;
        let owner = self.of_thread.nth(k % count);
        Some(self.rows.nth(owner.checked_add(first)?))
    }
}

/// Deals a thread's rows of a table to its walkers.
#[derive(Debug)]
pub(crate) struct RowDealer {
    table: Arc<Table>,
    recycled: bool,
    owners: RowOwners,
    next: Cell<u64>,
    /// The slots of its variables, by column.
    slots: Vec<usize>,
    /// The file, for messages.
    pub(crate) path: String,
}

impl RowDealer {
    pub(crate) fn new(
        source: &DataSource,
        table: Arc<Table>,
        slots: Vec<usize>,
        owners: RowOwners,
    ) -> Self {
        Self {
            table,
            recycled: source.recycled,
            owners,
            next: Cell::new(0),
            slots,
            path: source.path.clone(),
        }
    }

    /// The next row as slots and values; None once all rows were used.
    pub(crate) fn next_row(&self) -> Option<impl Iterator<Item = (usize, &str)>> {
        let rows = self.table.rows();
        let row_of_thread = |k: u64| self.owners.row(k).filter(|row| *row < rows);
        let k = self.next.get();
        let row = match row_of_thread(k) {
            Some(row) => {
                self.next.set(k + 1);
                row
            }
            None if !self.recycled => return None,
            None if row_of_thread(0).is_some() => {
                self.next.set(1);
                row_of_thread(0)?
            }
            // Fewer rows than users: this thread uses rows of others.
            None => {
                self.next.set(k + 1);
                let owners = &self.owners;
                // A thread that got users only by a change of the load has none of its own.
                let row = owners.row(k);
                row.unwrap_or_else(|| owners.rows.nth(owners.of_thread.nth(k))) % rows
            }
        };
        Some(self.slots.iter().copied().zip(self.table.row(row)))
    }
}

#[cfg(test)]
mod tests;
