//! Tables without frames, with words aligned left and numbers aligned right. In narrow
//! terminals the least important columns are dropped, and a line says which.

use crate::line::{Line, Tone, wrapped};
use crate::output::WIDEST_COLUMNS;

/// Columns that are dropped from this order on are extras of wide terminals: that they are
/// not there is told in the widest layout alone.
pub const EXTRA: u8 = 10;
/// Spaces between columns.
const GAP: usize = 2;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Whether it is aligned right.
    pub right: bool,
    /// Columns with a higher number are dropped first; 0 is never dropped.
    pub drop_order: u8,
}

/// A column of numbers.
pub const fn number(name: &'static str, drop_order: u8) -> Column {
    Column {
        name,
        right: true,
        drop_order,
    }
}

/// A column of words.
pub const fn words(name: &'static str, drop_order: u8) -> Column {
    Column {
        name,
        right: false,
        drop_order,
    }
}

/// The table's lines in at most `width` columns, indented by `indent` spaces. The first
/// column is cut to the space that the others leave, but never below `least`.
pub fn lines(
    columns: &[Column],
    rows: &[Vec<Line>],
    indent: usize,
    width: usize,
    least: usize,
) -> Vec<Line> {
    let widest = |at: usize| {
        rows.iter()
            .filter_map(|row| row.get(at).map(Line::width))
            .chain([Line::of(columns[at].name).width()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let mut dropped = Vec::new();
    let taken = |kept: &[usize]| -> usize {
        indent
            + kept
                .iter()
                .skip(1)
                .map(|&at| widths[at] + GAP)
                .sum::<usize>()
    };
    let wanted = widths.first().copied().unwrap_or(0).min(least);
    while taken(&kept) + wanted > width {
        let Some(place) = (0..kept.len())
            .filter(|&place| columns[kept[place]].drop_order > 0)
            .max_by_key(|&place| columns[kept[place]].drop_order)
        else {
            break;
        };
        dropped.push(kept.remove(place));
    }
    dropped.retain(|at| columns[*at].drop_order < EXTRA || width >= WIDEST_COLUMNS);
    dropped.sort_unstable();
    let first = widths
        .first()
        .copied()
        .unwrap_or(0)
        .min(width.saturating_sub(taken(&kept)).max(wanted));
    let draw = |cells: &dyn Fn(usize) -> Line| {
        kept.iter()
            .enumerate()
            .fold(Line::of(" ".repeat(indent)), |line, (place, &at)| {
                let room = if place == 0 { first } else { widths[at] };
                let cell = cells(at).cut(room);
                let gap = " ".repeat(if place == 0 { 0 } else { GAP });
                let space = " ".repeat(room - cell.width());
                if columns[at].right {
                    line.plain(gap).plain(space).join(cell)
                } else {
                    line.plain(gap).join(cell).plain(space)
                }
            })
    };
    let head = draw(&|at| Line::new().tone(Tone::Quiet, columns[at].name));
    let rows = rows
        .iter()
        .map(|row| draw(&|at| row.get(at).cloned().unwrap_or_default()));
    std::iter::once(head)
        .chain(rows)
        .chain(not_shown(columns, &dropped, indent, width))
        .collect()
}

/// What there was no room for.
fn not_shown(columns: &[Column], dropped: &[usize], indent: usize, width: usize) -> Vec<Line> {
    if dropped.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = dropped.iter().map(|at| columns[*at].name).collect();
    let text = format!("no room for: {} (--json has all)", names.join(", "));
    wrapped(Tone::Quiet, &text, indent, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: usize) -> String {
        let columns = [
            words("label", 0),
            number("count", 0),
            number("rate", 2),
            number("p95", 1),
        ];
        let row = |cells: [&str; 4]| cells.map(Line::of).to_vec();
        let rows = [
            row(["/a/long/path/to/a/product", "1,234", "12/s", "171 ms"]),
            row(["/", "1", "0.1/s", "9.50 ms"]),
        ];
        lines(&columns, &rows, 2, width, 10)
            .iter()
            .map(|line| line.render(false) + "\n")
            .collect()
    }

    #[test]
    fn extras_are_missed_in_the_widest_layout_alone() {
        let columns = [words("label", 0), number("p50", 0), number("mean", EXTRA)];
        let wide = ["x".repeat(70), "y".repeat(40), "1 ms".repeat(10)];
        let rows = [wide.map(Line::of).to_vec()];
        let said = |width| {
            let lines = lines(&columns, &rows, 2, width, 70);
            lines
                .iter()
                .any(|line| line.render(false).contains("no room for: mean"))
        };
        assert!(said(WIDEST_COLUMNS));
        assert!(!said(WIDEST_COLUMNS - 1));
    }

    #[test]
    fn columns_align_and_give_way() {
        insta::assert_snapshot!(format!("{}---\n{}---\n{}", shown(80), shown(38), shown(22)));
    }
}
