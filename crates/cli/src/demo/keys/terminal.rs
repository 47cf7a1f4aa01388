//! Keys as they are pressed, one by one and without echo.
//!
//! Ctrl-C stays what it is, and so does everything that is printed: only lines and echo are off.
//! The terminal is put back when this is dropped, by a panic too.

use rustix::termios::{self, LocalModes, OptionalActions, Termios};
use std::io::{Read, stdin, stdout};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A terminal that gives keys.
#[derive(Debug)]
pub(super) struct Terminal {
    before: Option<Termios>,
    keys: UnboundedReceiver<char>,
}

impl Terminal {
    pub(super) fn open() -> Self {
        let before = termios::tcgetattr(stdin()).ok();
        if let Some(before) = &before {
            let mut bare = before.clone();
            bare.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            let _ = termios::tcsetattr(stdin(), OptionalActions::Now, &bare);
        }
        let (pressed, keys) = unbounded_channel();
        // A thread of its own: reading a terminal can't be given up, and must not keep the process.
        std::thread::spawn(move || read(&pressed));
        Self { before, keys }
    }

    /// The next key; `None` once there are no more.
    pub(super) async fn key(&mut self) -> Option<char> {
        self.keys.recv().await
    }

    /// True once there are no more keys.
    pub(super) fn is_closed(&self) -> bool {
        self.keys.is_closed()
    }

    /// Characters on a line.
    pub(super) fn width(&self) -> usize {
        termios::tcgetwinsize(stdout()).map_or(80, |size| usize::from(size.ws_col))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = termios::tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

fn read(pressed: &UnboundedSender<char>) {
    let mut octet = [0];
    while stdin().read_exact(&mut octet).is_ok() {
        if pressed.send(char::from(octet[0])).is_err() {
            return;
        }
    }
}
