//! Tables: columns as wide as they must be, two spaces between, no lines.

use super::paint::{self, paint};
use anstyle::Style;
use std::fmt::Write;

/// A table in the making.
pub(crate) struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// Text and how it looks. Colours don't count for the width.
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&'static str; N]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table, or `empty` (what to type then) if it has no rows.
    pub(crate) fn render(&self, empty: &str) -> String {
        if self.rows.is_empty() {
            return empty.to_owned();
        }
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let cells = cells.map(|cell| cell.text.chars().count());
            let head = self.head.get(column).map_or(0, |head| head.chars().count());
            cells.chain([head]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let head = self
            .head
            .iter()
            .map(|head| Cell::of(*head).styled(paint::FAINT));
        let mut text = line(&head.collect::<Vec<_>>(), &widths);
        for row in &self.rows {
            text.push_str(&line(row, &widths));
        }
        text
    }
}

impl Cell {
    pub(crate) fn of(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style::new(),
        }
    }

    pub(crate) fn state(state: &str) -> Self {
        Self::of(state).styled(paint::state_style(state))
    }

    pub(crate) const fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }
}

fn line(cells: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    for (n, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let gap = if n == 0 { "" } else { "  " };
        let last = n + 1 == cells.len();
        let fill = if last {
            0
        } else {
            width - cell.text.chars().count()
        };
        let _ = write!(line, "{gap}{}{:fill$}", paint(cell.style, &cell.text), "");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_whatever_its_colour() {
        let mut table = Table::new(["NAME", "STATE", "SINCE"]);
        table.row([Cell::of("aria"), Cell::state("active"), Cell::of("14:32")]);
        table.row([Cell::of("a-longer-name"), Cell::of("?"), Cell::of("")]);
        let plain = anstream::adapter::strip_str(&table.render("")).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0], "NAME           STATE   SINCE");
        assert_eq!(lines[1], "aria           active  14:32");
        assert_eq!(lines[2], "a-longer-name  ?       ");
    }

    #[test]
    fn an_empty_table_says_what_to_type() {
        assert_eq!(
            Table::new(["NAME"]).render("no agents yet"),
            "no agents yet"
        );
    }
}
