//! Seeds from the repository's own vectors.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The files of a folder of `vectors/`, parsed.
fn files(folder: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../vectors")
        .join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let read = |path| serde_json::from_slice(&fs::read(path).ok()?).ok();
    paths.into_iter().filter_map(read).collect()
}

/// Every value at any depth of a folder's files for which `wanted` says so.
pub(crate) fn values(folder: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    fn walk(value: &Value, wanted: &dyn Fn(&Value) -> bool, out: &mut Vec<Value>) {
        if wanted(value) && !out.contains(value) {
            out.push(value.clone());
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| walk(value, wanted, out)),
            Value::Object(members) => members.values().for_each(|value| walk(value, wanted, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    for file in files(folder) {
        walk(&file, &wanted, &mut out);
    }
    out
}

/// Every text at any depth for which `wanted` says so.
pub(crate) fn texts(folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    values(folder, |value| value.as_str().is_some_and(&wanted))
        .into_iter()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

/// Objects that have all of these members.
pub(crate) fn objects(folder: &str, members: &[&str]) -> Vec<Value> {
    values(folder, |value| {
        members.iter().all(|name| value.get(name).is_some())
    })
}
