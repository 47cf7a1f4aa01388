//! Holds `docs/spec-coverage.md` to its word: one row for each id, and nothing in it that is not
//! there.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the repository has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[test]
fn the_table_is_true() {
    let page = Page::read(&text());
    assert_eq!(page.complaints(), [""; 0]);
}

#[test]
fn every_vector_named_is_run_and_passes() {
    let page = Page::read(&text());
    let cited = page.vectors();
    let directory = tempfile::tempdir().unwrap();
    let mut kept = 0;
    for path in files(&repository().join("vectors"), "json") {
        let copy = directory
            .path()
            .join(path.strip_prefix(repository()).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        match read_json(&path) {
            Value::Array(mut entries) => {
                entries.retain(|entry| cited.contains(entry["id"].as_str().unwrap_or_default()));
                kept += entries.len();
                fs::write(copy, Value::Array(entries).to_string()).unwrap();
            }
            // Keys and documents.
            _ => drop(fs::copy(&path, copy).unwrap()),
        }
    }
    assert_eq!(kept, cited.len(), "an id is there twice");
    let runner = env!("CARGO_BIN_EXE_comity-vectors");
    let output = Command::new(runner).arg(directory.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let wanted = format!("{kept} passed, 0 failed, 0 skipped");
    assert_eq!(said.lines().last(), Some(wanted.as_str()), "{said}");
}

#[test]
fn a_false_table_is_noticed() {
    let row = |line: &str| line.starts_with("| PNG-01 |");
    let good = text();
    let png = good.lines().find(|line| row(line)).unwrap();
    for (what, change) in [
        ("a row is missing", String::new()),
        ("a row is doubled", format!("{png}\n{png}")),
        ("no test", "| PNG-01 | ping |  |".to_owned()),
        ("no reason", "| PNG-01 | ping | **not yet**: |".to_owned()),
        (
            "an unknown id",
            format!("{png}\n| PNG-99 | ping | **not yet**: so |"),
        ),
        (
            "no such test",
            png.replace(
                "threads_and_acknowledgements",
                "threads_or_acknowledgements",
            ),
        ),
        (
            "no test of this path",
            png.replace("protocol_vectors", "unpack_vectors"),
        ),
        ("no such vector", png.replace("PING-1", "PING-9")),
        (
            "no such file",
            "| PNG-01 | ping | **left out**: as `crates/vectors/src/none.rs` says |".to_owned(),
        ),
        ("no such thing", png.replace("`vectors: ", "`vector: ")),
    ] {
        assert_ne!(png, change, "{what}");
        let changed = good.replace(png, &change);
        assert_ne!(Page::read(&changed).complaints(), [""; 0], "{what}");
    }
}

/// The page, taken apart.
struct Page {
    /// The ids of the list at the end.
    ids: Vec<String>,
    rows: Vec<Row>,
}

/// A row of the table.
struct Row {
    id: String,
    tests: Vec<String>,
    vectors: Vec<String>,
    files: Vec<String>,
    /// Words in code style that are none of these, and nothing from a specification.
    unknown: Vec<String>,
    /// Statuses, each with its reason.
    statuses: Vec<String>,
}

impl Page {
    fn read(text: &str) -> Self {
        let list = text.split("```text\n").nth(1).unwrap_or_default();
        let list = list.split("```").next().unwrap_or_default();
        Self {
            ids: list.split_whitespace().map(str::to_owned).collect(),
            rows: text.lines().filter_map(Row::read).collect(),
        }
    }

    fn vectors(&self) -> BTreeSet<&str> {
        let vectors = self.rows.iter().flat_map(|row| &row.vectors);
        vectors.map(String::as_str).collect()
    }

    /// Everything that is wrong with the page.
    fn complaints(&self) -> Vec<String> {
        let (tests, vectors) = (tests(), Vectors::read());
        let mut complaints = Vec::new();
        let mut complain = |what: &str, of: &str| complaints.push(format!("{what}: {of}"));
        for id in &self.ids {
            let count =
                |ids: &mut dyn Iterator<Item = &String>| ids.filter(|one| *one == id).count();
            if count(&mut self.rows.iter().map(|row| &row.id)) != 1
                || count(&mut self.ids.iter()) != 1
            {
                complain("not exactly one row and one place in the list", id);
            }
        }
        for row in self.rows.iter().filter(|row| !self.ids.contains(&row.id)) {
            complain("not in the list", &row.id);
        }
        for id in vectors.checks.iter().filter(|id| !self.ids.contains(id)) {
            complain("checked by a vector and not in the list", id);
        }
        for row in &self.rows {
            if row.tests.is_empty() && row.vectors.is_empty() && row.statuses.is_empty() {
                complain("says nothing", &row.id);
            }
            for reason in row.statuses.iter().filter(|reason| reason.len() < 8) {
                complain("gives no reason", &format!("{} {reason}", row.id));
            }
            for test in row.tests.iter().filter(|test| !tests.contains(*test)) {
                complain("no such test", test);
            }
            for vector in row.vectors.iter().filter(|id| !vectors.ids.contains(*id)) {
                complain("no such vector", vector);
            }
            for file in row
                .files
                .iter()
                .filter(|file| !repository().join(file).is_file())
            {
                complain("no such file", file);
            }
            for word in &row.unknown {
                complain("no test, vector or file", word);
            }
        }
        complaints
    }
}

impl Row {
    /// Reads a line of the page, if it is a row: `| ID | rule | shown by |`.
    fn read(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line
            .strip_prefix("| ")?
            .strip_suffix('|')?
            .split('|')
            .collect();
        let [id, _, shown] = cells.as_slice() else {
            return None;
        };
        let (group, number) = id.trim().split_once('-')?;
        let is_id = group
            .bytes()
            .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit())
            && number.starts_with(|first: char| first.is_ascii_digit());
        if !is_id {
            return None;
        }
        let mut row = Self {
            id: id.trim().to_owned(),
            tests: Vec::new(),
            vectors: Vec::new(),
            files: Vec::new(),
            unknown: Vec::new(),
            statuses: Vec::new(),
        };
        for item in shown.split(';').map(str::trim) {
            match item
                .strip_prefix("**")
                .and_then(|item| item.split_once("**:"))
            {
                Some((status, reason)) if STATUSES.contains(&status) => {
                    row.statuses.push(reason.trim().to_owned());
                    row.words(reason, |word| word.contains('/'));
                }
                Some((status, _)) => row.unknown.push(status.to_owned()),
                None => row.words(item, |_| true),
            }
        }
        Some(row)
    }

    /// Sorts the words in code style of an item. A reason may hold other ones than these.
    fn words(&mut self, item: &str, is_ours: impl Fn(&str) -> bool) {
        for word in item.split('`').skip(1).step_by(2) {
            if let Some(ids) = word.strip_prefix("vectors: ") {
                self.vectors.extend(ids.split(", ").map(str::to_owned));
            } else if word.starts_with("comity") && word.contains("::") {
                self.tests.push(word.to_owned());
            } else if word.starts_with("crates/") || word.starts_with("docs/") {
                self.files.push(word.to_owned());
            } else if is_ours(word) {
                self.unknown.push(word.to_owned());
            }
        }
    }
}

/// What the vectors of the repository are called, and which ids they name.
struct Vectors {
    ids: BTreeSet<String>,
    checks: BTreeSet<String>,
}

impl Vectors {
    fn read() -> Self {
        let (mut ids, mut checks) = (BTreeSet::new(), BTreeSet::new());
        for path in files(&repository().join("vectors"), "json") {
            for entry in read_json(&path).as_array().into_iter().flatten() {
                ids.extend(entry["id"].as_str().map(str::to_owned));
                let named = entry["checks"].as_array().into_iter().flatten();
                checks.extend(named.filter_map(Value::as_str).map(str::to_owned));
            }
        }
        Self { ids, checks }
    }
}

/// Every test of the workspace: `crate::path::name`.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let mut suites = Vec::new();
    let crates = fs::read_dir(repository().join("crates")).unwrap();
    let crates = crates.map(|entry| entry.unwrap().path());
    for directory in crates.chain([repository().join("interop/peers")]) {
        let Ok(manifest) = fs::read_to_string(directory.join("Cargo.toml")) else {
            continue;
        };
        let name = manifest
            .lines()
            .find_map(|line| line.strip_prefix("name = "));
        let name = name.unwrap().trim_matches('"');
        for kind in ["src", "tests"] {
            let root = directory.join(kind);
            for path in files(&root, "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let module = module(name, path.strip_prefix(&root).unwrap());
                if source.contains("comity_store::conformance!(") {
                    suites.push(module.clone());
                }
                tests.extend(tests_of(&module, &source));
            }
        }
    }
    let cases = cases_of_the_suite();
    let of_suites = suites
        .iter()
        .flat_map(|suite| cases.iter().map(move |case| format!("{suite}::{case}")));
    tests.extend(of_suites);
    tests
}

/// The path of the module that a file holds.
fn module(name: &str, file: &Path) -> String {
    let mut module = name.to_owned();
    for part in file
        .with_extension("")
        .iter()
        .filter_map(|part| part.to_str())
    {
        if !["lib", "main", "mod"].contains(&part) {
            module = format!("{module}::{part}");
        }
    }
    module
}

/// The tests in a source file. What is indented may be in a module `tests`, or in a macro.
fn tests_of(module: &str, source: &str) -> Vec<String> {
    let mut tests = Vec::new();
    let mut is_test = false;
    for line in source.lines() {
        let code = line.trim_start();
        if code.starts_with("#[test]") || code.starts_with("#[tokio::test") {
            is_test = true;
            continue;
        }
        let function = code
            .strip_prefix("async ")
            .unwrap_or(code)
            .strip_prefix("fn ");
        if let Some(function) = function.filter(|_| is_test) {
            let name = function.split(['(', '<']).next().unwrap_or_default();
            tests.push(format!("{module}::{name}"));
            if line != code {
                tests.push(format!("{module}::tests::{name}"));
            }
            is_test = false;
        }
    }
    tests
}

/// The tests that `comity_store::conformance!` makes: `part::case`.
fn cases_of_the_suite() -> Vec<String> {
    let source = repository().join("crates/store/src/conformance.rs");
    let source = fs::read_to_string(source).unwrap();
    let list = source.split("conformance_cases! { $make\n").nth(1).unwrap();
    let mut cases = Vec::new();
    let mut part = "";
    for line in list.lines().map(str::trim) {
        if let Some(name) = line.strip_suffix(" {") {
            part = name;
        } else if let Some(case) = line.strip_suffix(',') {
            cases.push(format!("{part}::{case}"));
        } else if line == "};" {
            break;
        }
    }
    cases
}

/// The files below a folder whose names end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = paths.flat_map(|path| match path.is_dir() {
        true => files(&path, ending),
        false => vec![path],
    });
    below
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .collect()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn text() -> String {
    fs::read_to_string(repository().join("docs/spec-coverage.md")).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a row may say where no test shows a rule, or not all of it.
const STATUSES: [&str; 3] = ["enforced, untested", "left out", "not yet"];
