//! After the story: both nodes stay up, Aria asks once a second, and keys break things.
//!
//! Each key does the real thing and then waits for what the two make of it. On a terminal keys come
//! from the keyboard; `--script` presses them one after the other, and ends with them.

mod attacks;
mod failures;
mod session;
mod tally;
mod terminal;
mod trust;

use super::ledger::Side;
use super::stage::Stage;
use super::surprise::Surprise;
use session::Session;
use std::time::Duration;
use terminal::Terminal;

/// Keys to press.
#[derive(Clone, Debug)]
pub(super) struct Script(Vec<Key>);

/// A key, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Cut,
    Edit,
    Forge,
    Kill,
    Quit,
    Replay,
    Revoke,
    Tamper,
    Verify,
}

/// Reads the keys of `--script`.
pub(super) fn parse_script(text: &str) -> Result<Script, String> {
    let read =
        |letter| Key::of(letter).ok_or_else(|| format!("no key {letter:?}; there are {KEYS}"));
    text.chars().map(read).collect::<Result<_, _>>().map(Script)
}

/// Presses the keys of a script, and ends.
pub(super) async fn play_script(stage: &mut Stage, script: &Script) -> Result<(), Surprise> {
    let mut session = Session::begin(stage).await?;
    for key in script.0.iter().filter(|key| **key != Key::Quit) {
        press(&mut session, *key).await?;
    }
    session.quit().await
}

/// Takes keys from the terminal until somebody quits.
pub(super) async fn play_live(stage: &mut Stage) -> Result<(), Surprise> {
    let ledger = stage.ledger.clone();
    let mut session = Session::begin(stage).await?;
    let mut terminal = Terminal::open();
    loop {
        ledger.show_foot(&foot(&session.asked(), terminal.width()));
        let pressed = tokio::time::timeout(REFRESH, terminal.key()).await;
        match pressed.ok().map(|letter| letter.and_then(Key::of)) {
            // Nobody will press anything any more.
            Some(None) if terminal.is_closed() => break,
            Some(Some(Key::Quit)) => break,
            Some(Some(key)) => press(&mut session, key).await?,
            Some(None) | None => {}
        }
    }
    ledger.hide_foot();
    drop(terminal);
    session.quit().await
}

async fn press(session: &mut Session<'_>, key: Key) -> Result<(), Surprise> {
    match key {
        Key::Cut => Box::pin(failures::cut(session)).await,
        Key::Edit => Box::pin(attacks::edit(session)).await,
        Key::Forge => Box::pin(attacks::forge(session)).await,
        Key::Kill => Box::pin(failures::kill(session)).await,
        Key::Quit => Ok(()),
        Key::Replay => Box::pin(attacks::replay(session)).await,
        Key::Revoke => Box::pin(trust::revoke_or_let_in(session)).await,
        Key::Tamper => Box::pin(attacks::tamper(session)).await,
        Key::Verify => Box::pin(trust::verify(session)).await,
    }
}

impl Key {
    const fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'k' => Self::Kill,
            'd' => Self::Cut,
            'f' => Self::Forge,
            't' => Self::Tamper,
            'r' => Self::Revoke,
            'p' => Self::Replay,
            'e' => Self::Edit,
            'v' => Self::Verify,
            'q' | '\u{3}' | '\u{4}' => Self::Quit,
            _ => return None,
        })
    }
}

/// The foot line, in the longest form that fits.
fn foot(asked: &str, width: usize) -> String {
    let keys = if width > KEYS.len() { KEYS } else { SHORT_KEYS };
    let foot = format!("{keys}  aria {asked}");
    foot.chars().take(width.saturating_sub(1)).collect()
}

/// Says what a key made of the two; its name is also the step.
fn begin(session: &Session<'_>, name: &str, title: &str) {
    session.stage.ledger.step(name, title);
}

/// The sum of it, for the ledger.
fn say(session: &Session<'_>, side: Side, text: &str, facts: serde_json::Value) {
    session.stage.ledger.held(side, text, facts);
}

/// What can be pressed.
const KEYS: &str = "[k] kill a node  [d] cut the network  [f] forge Aria  [t] tamper in flight  \
                    [r] revoke  [p] replay  [e] edit the record  [v] verify  [q] quit";
/// The same on a narrow terminal.
const SHORT_KEYS: &str =
    "k kill  d cut  f forge  t tamper  r revoke  p replay  e edit  v verify  q quit";
/// How often the foot line is shown anew.
const REFRESH: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_keys_that_exist() {
        let script = parse_script("kftrvq").unwrap();
        let expected = [
            Key::Kill,
            Key::Forge,
            Key::Tamper,
            Key::Revoke,
            Key::Verify,
            Key::Quit,
        ];
        assert_eq!(script.0, expected);
        assert!(parse_script("kx").is_err());
    }

    #[test]
    fn the_foot_line_fits_the_terminal() {
        assert_eq!(foot("1: answered", 10), "k kill  d");
        assert!(foot("1: answered", 80).contains("q quit"));
        assert!(foot("1: answered", 200).ends_with("[q] quit  aria 1: answered"));
    }
}
