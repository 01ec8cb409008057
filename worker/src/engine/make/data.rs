//! Rows of data: a file read into a table, and who gets which row.
//!
//! Rows are dealt the way users or arrivals are: row r is that of user
//! (arrival) r modulo their number, and so of the thread where it lives. So
//! each row belongs to exactly one thread of one runner, and none to a thread
//! that has nobody to use it. A thread's walkers take its rows as they need
//! them. Which thread has which users is known by those who call.

use dlt_core::load::share::Lot;
use dlt_core::scenario::limits::{LARGEST_DATA_BYTES, MOST_COLUMNS, MOST_ROWS};
use dlt_core::scenario::plan::DataSource;
use dlt_core::scenario::requests::variables::is_name;
use std::cell::Cell;
use std::sync::Arc;

/// A file of rows, read.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    /// All fields, one behind the other.
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
}

impl Table {
    /// Reads a file; what is wrong with it.
    pub(crate) fn read(source: &DataSource, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > LARGEST_DATA_BYTES {
            let has = bytes.len();
            return Err(format!(
                "has {has} bytes; at most {LARGEST_DATA_BYTES} are read"
            ));
        }
        // A mark of byte order is no part of the first name.
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
                // At most as long as the file, which is shorter than 4 GiB.
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

    /// How many rows it has.
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

/// Who shares the rows: users or arrivals, and which of them are a thread's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sharers {
    /// The rows of the runner: its own part if its users are its own, else all.
    pub(crate) rows: Lot,
    /// How many users or arrivals there are.
    pub(crate) all: u64,
    /// Which of them are on this thread.
    pub(crate) mine: Lot,
}

impl Sharers {
    /// The k-th row of the thread, rising; None if it has nobody.
    fn row(&self, k: u64) -> Option<u64> {
        let mine = self.mine.count(self.all);
        let round = k.checked_div(mine)?;
        let within = self
            .mine
            .nth(k % mine)
            .checked_add(round.checked_mul(self.all)?)?;
        Some(self.rows.nth(within))
    }
}

/// A thread's part of a table.
#[derive(Debug)]
pub(crate) struct Deal {
    table: Arc<Table>,
    recycled: bool,
    sharers: Sharers,
    next: Cell<u64>,
    /// The numbers of its variables.
    slots: Vec<usize>,
    /// The file, for sentences.
    pub(crate) path: String,
}

impl Deal {
    /// Nothing is dealt yet.
    pub(crate) fn new(
        source: &DataSource,
        table: Arc<Table>,
        slots: Vec<usize>,
        sharers: Sharers,
    ) -> Self {
        Self {
            table,
            recycled: source.recycled,
            sharers,
            next: Cell::new(0),
            slots,
            path: source.path.clone(),
        }
    }

    /// The next row as variables and values; None once all were used.
    pub(crate) fn take(&self) -> Option<impl Iterator<Item = (usize, &str)>> {
        let rows = self.table.rows();
        let own = |k: u64| self.sharers.row(k).filter(|row| *row < rows);
        let k = self.next.get();
        let row = match own(k) {
            Some(row) => {
                self.next.set(k + 1);
                row
            }
            None if !self.recycled => return None,
            None if own(0).is_some() => {
                self.next.set(1);
                own(0)?
            }
            // More users than rows: this thread shares those of others.
            None => {
                self.next.set(k + 1);
                self.sharers.row(k)? % rows
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
    fn what_is_wrong_with_a_file_is_said() {
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

    fn deal(rows: u64, recycled: bool, sharers: Sharers) -> Deal {
        let text: String = (0..rows).map(|row| format!("{row}\n")).collect();
        let source = DataSource {
            recycled,
            columns: Some(vec!["row".to_owned()]),
            ..source()
        };
        let table = Table::read(&source, text.as_bytes()).unwrap();
        Deal::new(&source, Arc::new(table), vec![0], sharers)
    }

    fn next(deal: &Deal) -> Option<u64> {
        let (_, row) = deal.take()?.next()?;
        row.parse().ok()
    }

    proptest! {
        /// Over runners and threads, every row is dealt to somebody exactly once.
        #[test]
        fn every_row_is_dealt_once(
            rows in 1u64..200,
            all in 1u64..40,
            runners in 1u64..5,
            threads in 1u64..4,
            per_task in any::<bool>(),
        ) {
            let mut seen = vec![0u32; rows as usize];
            for runner in 0..runners {
                let lot = Lot { slice: Slice::WHOLE, share: Share { index: runner, of: runners } };
                for thread in 0..threads {
                    let sharers = match per_task {
                        true => Sharers { rows: lot, all, mine: Lot::WHOLE.split(thread, threads) },
                        false => Sharers { rows: Lot::WHOLE, all, mine: lot.split(thread, threads) },
                    };
                    let deal = deal(rows, false, sharers);
                    let mut dealt = 0;
                    while let Some(row) = next(&deal) {
                        seen[row as usize] += 1;
                        dealt += 1;
                    }
                    // Nobody without users or arrivals has rows.
                    prop_assert!(dealt == 0 || sharers.mine.count(all) > 0);
                }
            }
            prop_assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
        }
    }

    #[test]
    fn recycled_parts_start_over_with_their_own_rows() {
        let mine = |index| Lot::WHOLE.split(index, 2);
        let sharers = |index, all| Sharers {
            rows: Lot::WHOLE,
            all,
            mine: mine(index),
        };
        let second = deal(5, true, sharers(1, 2));
        let taken: Vec<_> = (0..5).map(|_| next(&second).unwrap()).collect();
        assert_eq!(taken, [1, 3, 1, 3, 1]);
        // Fewer rows than users: who has none takes those of others.
        let poor = deal(1, true, sharers(1, 2));
        assert_eq!([next(&poor), next(&poor)], [Some(0), Some(0)]);
    }
}
