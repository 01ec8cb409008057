//! Files of rows: read as the csv crate reads them, or refused; written again they are the same.

use crate::engine::fuzz::input::Input;
use crate::engine::make::data::Table;
use crate::engine::make::quotes::check_quotes;
use dlt_core::scenario::plan::DataSource;

/// Any bytes as a file of rows.
pub(super) fn any(data: &[u8]) {
    let mut input = Input(data);
    let choice = input.byte();
    let source = DataSource {
        path: "rows.csv".to_owned(),
        delimiter: [b',', b';', b'\t', b'|'][usize::from(choice & 3)],
        quoted: choice & 4 > 0,
        recycled: true,
        columns: (choice & 8 > 0).then(|| vec!["a".to_owned(), "b".to_owned()]),
    };
    let bytes = input.0;
    let Ok(table) = Table::read(&source, bytes) else {
        return;
    };
    let rows = |table: &Table| -> Vec<Vec<String>> {
        let row = |row| table.row(row).map(str::to_owned).collect();
        (0..table.rows()).map(row).collect()
    };
    let read = rows(&table);
    // None is longer than the file, and each has a value for each column.
    assert!(read.iter().all(|row| row.len() == table.columns.len()));
    let fields = read.iter().flatten().map(String::len).sum::<usize>();
    assert!(fields <= bytes.len());
    // By hand, where quotes play no part.
    let plain = std::str::from_utf8(bytes).expect("it was read as text");
    let plain = plain.strip_prefix('\u{feff}').unwrap_or(plain);
    if !source.quoted || !plain.contains('"') {
        let lines = plain.split(['\r', '\n']).filter(|line| !line.is_empty());
        let lines = lines.skip(usize::from(source.columns.is_none()));
        let delimiter = char::from(source.delimiter);
        assert!(lines.map(|line| line.split(delimiter)).eq_by_fields(&read));
    }
    let mut writer = csv::WriterBuilder::new()
        .delimiter(source.delimiter)
        .from_writer(Vec::new());
    writer
        .write_record(&table.columns)
        .expect("memory takes it");
    for row in &read {
        writer.write_record(row).expect("rows of one width");
    }
    let written = writer.into_inner().expect("memory takes it");
    assert_eq!(check_quotes(&written, source.delimiter), Ok(()));
    let again = DataSource {
        quoted: true,
        columns: None,
        ..source
    };
    let again = Table::read(&again, &written).expect("what is written can be read");
    assert_eq!((&again.columns, rows(&again)), (&table.columns, read));
}

trait EqByFields {
    fn eq_by_fields(self, rows: &[Vec<String>]) -> bool;
}

impl<'a, L: Iterator<Item = F>, F: Iterator<Item = &'a str>> EqByFields for L {
    fn eq_by_fields(mut self, rows: &[Vec<String>]) -> bool {
        let same = rows
            .iter()
            .all(|row| self.next().is_some_and(|line| line.eq(row.iter())));
        same && self.next().is_none()
    }
}
