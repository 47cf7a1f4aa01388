//! Which handler a message type goes to, and what to say when there is none.

/// Splits `DOC/NAME/1.0/request` into the protocol without its minor version (`DOC/NAME/1`), and
/// the message's name.
fn split(type_: &str) -> Option<(&str, &str)> {
    let (protocol, name) = type_.rsplit_once('/')?;
    let (_, version) = protocol.rsplit_once('/')?;
    let major = version.find('.')?;
    let end = protocol.len() - version.len() + major;
    Some((&protocol[..end], name))
}

/// The handled type that serves `type_`: itself, or the same message of another minor version.
pub(crate) fn serving<'a>(
    type_: &str,
    mut handled: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    let exact = handled.clone().find(|candidate| *candidate == type_);
    exact.or_else(|| {
        let wanted = split(type_)?;
        handled.find(|candidate| split(candidate) == Some(wanted))
    })
}

/// What to tell the sender of a type that nothing handles.
///
/// Names what is handled of the same protocol only: the sender's grant covers (part of) that one,
/// and the others are not its business.
pub(crate) fn no_handler<'a>(
    agent: &str,
    type_: &str,
    handled: impl Iterator<Item = &'a str>,
) -> String {
    let mut words = format!("no handler for {:?}", short(type_));
    let siblings: Vec<&str> = handled
        .filter(|other| same_protocol(type_, other))
        .collect();
    if siblings.is_empty() {
        return words;
    }
    let shown: Vec<&str> = siblings
        .iter()
        .take(SHOWN)
        .map(|other| short(other))
        .collect();
    words.push_str(&format!("; {agent} handles: {}", shown.join(", ")));
    if let Some(nearest) = nearest(type_, &siblings) {
        words.push_str(&format!("   (did you mean {}?)", short(nearest)));
    }
    words
}

/// Without document and host: `market-analysis/1.0/request`.
pub(crate) fn short(type_: &str) -> &str {
    let third = type_.rmatch_indices('/').nth(2);
    third.map_or(type_, |(at, _)| &type_[at + 1..])
}

fn same_protocol(a: &str, b: &str) -> bool {
    let name = |type_: &str| {
        let end = type_.rmatch_indices('/').nth(1).map(|(at, _)| at)?;
        Some(type_[..end].to_owned())
    };
    name(a).is_some() && name(a) == name(b)
}

fn nearest<'a>(type_: &str, others: &[&'a str]) -> Option<&'a str> {
    let distances = others
        .iter()
        .map(|other| (distance(short(type_), short(other)), *other));
    let (least, other) = distances.min()?;
    (least <= 1 + short(type_).len() / 4).then_some(other)
}

/// Levenshtein's distance, over octets; types are bounded by the node.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// How many handled types are named to a sender.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests;
