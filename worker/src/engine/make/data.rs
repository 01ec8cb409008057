//! Rows of data: a file read into a table, and the rows of each thread.
//!
//! Row r belongs to user (or arrival) r modulo their number, and so to the thread
//! that has this user. Each row thus belongs to exactly one thread of one runner,
//! and none to a thread without users. The walkers of a thread take its rows as
//! they need them. The caller says which users a thread has.

use dlt_core::load::share::Lot;
use dlt_core::scenario::limits::{LARGEST_DATA_BYTES, MOST_COLUMNS, MOST_ROWS};
use dlt_core::scenario::plan::DataSource;
use dlt_core::scenario::requests::variables::is_name;
use std::cell::Cell;
use std::sync::Arc;

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
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .delimiter(source.delimiter)
            .quoting(source.quoted)
            .from_reader(bytes);
        let mut record = csv::StringRecord::new();
        let mut next = |record: &mut csv::StringRecord| {
            let read = reader.read_record(record);
            read.map_err(|error| format!("cannot be read: {error}"))
        };
        let columns = match &source.columns {
            Some(columns) => columns.clone(),
            None => {
                if !next(&mut record)? {
                    return Err("is empty; its first line should name the columns".to_owned());
                }
                let names = record.iter().map(|name| name.trim().to_owned());
                let names: Vec<String> = names.collect();
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
                return Err(format!(
                    "has rows of {} fields, but there are {} names of variables",
                    record.len(),
                    table.columns.len()
                ));
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
            return Err("has no rows".to_owned());
        }
        table.text.shrink_to_fit();
        table.ends.shrink_to_fit();
        Ok(table)
    }

    pub(crate) fn rows(&self) -> u64 {
        (self.ends.len() / self.columns.len().max(1)) as u64
    }

    /// The fields of a row below [`Self::rows`].
    fn row(&self, row: u64) -> impl Iterator<Item = &str> {
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

fn check_names(names: &[String]) -> Result<(), String> {
    if names.len() > MOST_COLUMNS {
        let has = names.len();
        return Err(format!(
            "has {has} columns; at most {MOST_COLUMNS} are read"
        ));
    }
    for (at, name) in names.iter().enumerate() {
        if !is_name(name) {
            return Err(format!("has a first line that names no column: {name:?}"));
        }
        if names[..at].contains(name) {
            return Err(format!("has two columns called {name}"));
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
                self.owners.row(k)? % rows
            }
        };
        Some(self.slots.iter().copied().zip(self.table.row(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlt_core::load::share::{Share, Slice};
    use proptest::prelude::*;

    fn source() -> DataSource {
        DataSource {
            path: "users.csv".to_owned(),
            delimiter: b',',
            quoted: true,
            recycled: false,
            columns: None,
        }
    }

    fn rows(source: &DataSource, text: &str) -> Result<Vec<Vec<String>>, String> {
        let table = Table::read(source, text.as_bytes())?;
        let row = |row| table.row(row).map(str::to_owned).collect();
        Ok((0..table.rows()).map(row).collect())
    }

    #[test]
    fn files_are_read_as_rfc_4180_has_them() {
        let text = "\u{feff}id, name\r\n1,\"a \"\"b\"\", c\"\r\n\r\n2,\"x\ny\"\n3,";
        assert_eq!(
            rows(&source(), text).unwrap(),
            [["1", "a \"b\", c"], ["2", "x\ny"], ["3", ""]]
        );
        let table = Table::read(&source(), text.as_bytes()).unwrap();
        assert_eq!(table.columns, ["id", "name"]);
        let unquoted = DataSource {
            quoted: false,
            delimiter: b'\t',
            columns: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..source()
        };
        assert_eq!(rows(&unquoted, "\"1\t2\"\n").unwrap(), [["\"1", "2\""]]);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_in_the_error() {
        for (text, says) in [
            ("", "is empty"),
            ("id\n", "has no rows"),
            ("id,id\n1,2\n", "two columns called id"),
            ("id,\n1,2\n", "names no column"),
            ("id,b\n1\n", "fields"),
            ("a{b}\n1\n", "names no column"),
        ] {
            let why = rows(&source(), text).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
        let why = Table::read(&source(), b"id\n\xff\n").unwrap_err();
        assert!(why.contains("UTF-8"), "{why}");
        let named = DataSource {
            columns: Some(vec!["a".to_owned()]),
            ..source()
        };
        let why = rows(&named, "1,2\n").unwrap_err();
        assert!(why.contains("rows of 2 fields"), "{why}");
    }

    fn dealer(rows: u64, recycled: bool, owners: RowOwners) -> RowDealer {
        let text: String = (0..rows).map(|row| format!("{row}\n")).collect();
        let source = DataSource {
            recycled,
            columns: Some(vec!["row".to_owned()]),
            ..source()
        };
        let table = Table::read(&source, text.as_bytes()).unwrap();
        RowDealer::new(&source, Arc::new(table), vec![0], owners)
    }

    fn next(dealer: &RowDealer) -> Option<u64> {
        let (_, row) = dealer.next_row()?.next()?;
        row.parse().ok()
    }

    proptest! {
        /// Over all runners and threads, every row is dealt exactly once.
        #[test]
        fn every_row_is_dealt_once(
            rows in 1u64..200,
            total in 1u64..40,
            runners in 1u64..5,
            threads in 1u64..4,
            per_task in any::<bool>(),
        ) {
            let mut seen = vec![0u32; rows as usize];
            for runner in 0..runners {
                let lot = Lot { slice: Slice::WHOLE, share: Share { index: runner, of: runners } };
                for thread in 0..threads {
                    let (rows_of, users_of) =
                        if per_task { (lot, Lot::WHOLE) } else { (Lot::WHOLE, lot) };
                    let owners = RowOwners {
                        rows: rows_of,
                        total,
                        of_thread: users_of.split(thread, threads),
                    };
                    let dealer = dealer(rows, false, owners);
                    let mut dealt = 0;
                    while let Some(row) = next(&dealer) {
                        seen[row as usize] += 1;
                        dealt += 1;
                    }
                    // A thread without users or arrivals has no rows.
                    prop_assert!(dealt == 0 || owners.of_thread.count(total) > 0);
                }
            }
            prop_assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
        }
    }

    #[test]
    fn a_thread_with_recycled_rows_starts_over_with_its_own() {
        let owners = |index, total| RowOwners {
            rows: Lot::WHOLE,
            total,
            of_thread: Lot::WHOLE.split(index, 2),
        };
        let second = dealer(5, true, owners(1, 2));
        let taken: Vec<_> = (0..5).map(|_| next(&second).unwrap()).collect();
        assert_eq!(taken, [1, 3, 1, 3, 1]);
        // Fewer rows than users: a thread without rows uses those of others.
        let second = dealer(1, true, owners(1, 2));
        assert_eq!([next(&second), next(&second)], [Some(0), Some(0)]);
    }
}
