//! The table of `docs/interop.md`, made of what the tests go by.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::combination::{Combination, Part};
use crate::limits::{AFFINIDI, DIDCOMM, Kind, Limit, PYTHON, Way};

/// A column: a library, where its version stands, and what it cannot do.
struct Library {
    name: &'static str,
    versions: &'static str,
    /// What comes before the version there.
    before: &'static str,
    limits: &'static [Limit],
}

const LIBRARIES: [Library; 4] = [
    Library {
        name: "crate `didcomm`",
        versions: "Cargo.lock",
        before: "name = \"didcomm\"\nversion = \"",
        limits: DIDCOMM,
    },
    Library {
        name: "crate `affinidi-messaging-didcomm`",
        versions: "Cargo.lock",
        before: "name = \"affinidi-messaging-didcomm\"\nversion = \"",
        limits: AFFINIDI,
    },
    Library {
        name: "PyPI `didcomm`",
        versions: "interop/didcomm_python/requirements.txt",
        before: "\ndidcomm==",
        limits: PYTHON,
    },
    Library {
        name: "npm `didcomm-node`",
        versions: "interop/didcomm_node/package.json",
        before: "\"didcomm-node\": \"",
        limits: DIDCOMM,
    },
];

#[test]
fn the_page_shows_what_the_tests_go_by() {
    let page = read("docs/interop.md");
    let (_, rest) = page.split_once(START).unwrap();
    let (shown, _) = rest.split_once(END).unwrap();
    let table = table();
    assert!(shown.trim() == table.trim(), "it should show\n\n{table}");
}

fn table() -> String {
    let mut notes = Vec::new();
    let mut table = String::from("| |");
    for library in &LIBRARIES {
        write!(table, " {} {} |", library.name, library.version()).unwrap();
    }
    table += "\n| --- | --- | --- | --- | --- |\n";
    for part in Part::all() {
        write!(table, "| {part} |").unwrap();
        for library in &LIBRARIES {
            write!(table, " {} |", library.cell(part, &mut notes)).unwrap();
        }
        table.push('\n');
    }
    for (what, way) in [("we read", Way::Writes), ("we write", Way::Reads)] {
        write!(table, "| combinations that {what} |").unwrap();
        for library in &LIBRARIES {
            let all = way.combinations();
            let works = all.iter().filter(|one| library.does(way, one)).count();
            write!(table, " {works} of {}", all.len()).unwrap();
            for n in library.often(way, &notes) {
                write!(table, ", those of ({n}) not in every run").unwrap();
            }
            table += " |";
        }
        table.push('\n');
    }
    table.push('\n');
    for (n, note) in notes.iter().enumerate() {
        writeln!(table, "{}. {note}.", n + 1).unwrap();
    }
    table
}

impl Library {
    fn version(&self) -> String {
        let text = read(self.versions);
        let (_, rest) = text.split_once(self.before).unwrap();
        rest.split(['"', '\n']).next().unwrap().to_owned()
    }

    /// Which ways a part goes, with the numbers of the notes that name it.
    fn cell(&self, part: Part, notes: &mut Vec<&'static str>) -> String {
        let any = |way: Way| {
            let all = way.combinations();
            all.iter().any(|one| one.has(part) && self.does(way, one))
        };
        let mut cell = match (any(Way::Writes), any(Way::Reads)) {
            (true, true) => "both ways",
            (true, false) => "we read",
            (false, true) => "we write",
            (false, false) => "no",
        }
        .to_owned();
        let about = self
            .limits
            .iter()
            .filter(|limit| limit.parts.contains(&part));
        let mut whys: Vec<&str> = about.map(|limit| limit.why).collect();
        if matches!(part, Part::Protection(protection) if !protection.is_ours()) {
            whys.push(NOT_OURS);
        }
        whys.dedup();
        for why in whys {
            let known = notes.iter().position(|note| *note == why);
            let n = known.unwrap_or_else(|| {
                notes.push(why);
                notes.len() - 1
            });
            write!(cell, " ({})", n + 1).unwrap();
        }
        cell
    }

    /// The numbers of the notes on what is refused so often that a run may not get to read it.
    fn often(&self, way: Way, notes: &[&str]) -> Vec<usize> {
        let is_often = |limit: &&Limit| limit.way == way && matches!(limit.kind, Kind::Often(_));
        let limits = self.limits.iter().filter(is_often);
        let number = |limit: &Limit| notes.iter().position(|note| *note == limit.why);
        limits.filter_map(number).map(|n| n + 1).collect()
    }

    /// Whether it works, if not always.
    fn does(&self, way: Way, combination: &Combination) -> bool {
        let mut limits = self.limits.iter();
        !limits.any(|limit| {
            let is_always = matches!(limit.kind, Kind::Cannot | Kind::Refused(_));
            is_always && limit.is_about(way, combination)
        })
    }
}

impl Way {
    fn combinations(self) -> Vec<Combination> {
        match self {
            Self::Writes => Combination::all(),
            Self::Reads => Combination::ours(),
        }
    }
}

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

const START: &str = "<!-- made by interop/peers/tests/matrix/page.rs -->";
const END: &str = "<!-- end -->";
const NOT_OURS: &str = "we read it and never write it: a signature inside authcrypt proves nothing \
    more to its reader (ENV-02)";
