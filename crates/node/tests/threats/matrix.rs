//! Prints the matrix, and holds `docs/threats.md` to it: no empty cell, no test that is not there,
//! no class without its paragraphs.
//!
//! `COMITY_BLESS=1 cargo test -p comity-node --test threats matrix` writes the tables anew.

use crate::cells::{CLASSES, Cell, Class, DOORS};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where a cell's test is: file and name.
fn place(cell: Cell) -> Option<(String, &'static str)> {
    match cell {
        Cell::Generator(text) => {
            let (module, test) = text.split_once("::").unwrap();
            Some((format!("crates/node/tests/threats/{module}.rs"), test))
        }
        Cell::Test(text) => text
            .split_once("::")
            .map(|(path, test)| (path.to_owned(), test)),
        Cell::No(_) => None,
    }
}

const fn mark(cell: Cell) -> &'static str {
    match cell {
        Cell::Generator(_) => "G",
        Cell::Test(_) => "T",
        Cell::No(_) => "–",
    }
}

fn table() -> String {
    let mut out = format!(
        "| class | {} |\n|---|{}\n",
        DOORS.join(" | "),
        "---|".repeat(DOORS.len())
    );
    for class in CLASSES {
        let marks: Vec<_> = class.cells.iter().map(|cell| mark(*cell)).collect();
        let anchor = class.name.to_lowercase().replace(' ', "-");
        writeln!(
            out,
            "| [{}](#{anchor}) | {} |",
            class.name,
            marks.join(" | ")
        )
        .unwrap();
    }
    out
}

fn cells(class: &Class) -> String {
    let mut out = String::new();
    for (door, cell) in DOORS.iter().zip(class.cells) {
        match (cell, place(cell)) {
            (Cell::No(why), _) => writeln!(out, "- {door}: – {why}.").unwrap(),
            (_, Some((path, test))) => {
                let test = test.replace('_', " ");
                writeln!(out, "- {door}: {} [{test}](../{path})", mark(cell)).unwrap();
            }
            _ => {}
        }
    }
    out
}

/// `text` with what stands between the markers of `name` replaced.
fn replaced(text: &str, name: &str, content: &str) -> String {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text
        .find(&open)
        .unwrap_or_else(|| panic!("docs/threats.md lacks {open}"))
        + open.len();
    let end = start
        + text[start..]
            .find(&close)
            .unwrap_or_else(|| panic!("docs/threats.md lacks {close}"));
    format!("{}{content}{}", &text[..start], &text[end..])
}

#[test]
fn the_matrix_has_no_empty_cell_and_the_page_holds_it() {
    println!("{}", table());
    for class in CLASSES {
        println!("{}\n{}", class.name, cells(class));
        for (door, cell) in DOORS.iter().zip(class.cells) {
            if let Cell::No(why) = cell {
                assert!(why.len() > 10, "{} × {door}: a reason", class.name);
            }
            let Some((path, test)) = place(cell) else {
                continue;
            };
            let source = fs::read_to_string(root().join(&path));
            let source =
                source.unwrap_or_else(|_| panic!("{} × {door}: no file {path}", class.name));
            assert!(
                source.contains(&format!("fn {test}()")),
                "{} × {door}: no test {test} in {path}",
                class.name
            );
        }
    }
    let page = root().join("docs/threats.md");
    let text = fs::read_to_string(&page).unwrap();
    let mut wanted = replaced(&text, "matrix", &table());
    for class in CLASSES {
        assert!(
            text.contains(&format!("\n### {}\n", class.name)),
            "no section about {}",
            class.name
        );
        wanted = replaced(&wanted, &format!("cells: {}", class.name), &cells(class));
    }
    for part in ["**Attack.**", "**Stopped by.**", "**Left over.**"] {
        assert_eq!(
            text.matches(part).count(),
            CLASSES.len(),
            "each class has its {part}"
        );
    }
    if std::env::var_os("COMITY_BLESS").is_some() {
        fs::write(&page, &wanted).unwrap();
    }
    assert!(
        text == wanted || std::env::var_os("COMITY_BLESS").is_some(),
        "docs/threats.md is not the matrix of this test; COMITY_BLESS=1 writes it"
    );
}
