//! Writing frames beside everything else, through a short queue.

use super::{End, OVER, SLOW};
use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The writing half of a socket.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    last: oneshot::Sender<CloseFrame>,
    task: JoinHandle<()>,
    slow: Duration,
}

impl Writer {
    pub(super) fn start(sink: SplitSink<WebSocket, Message>, slow: Duration) -> Self {
        let (queue, frames) = mpsc::channel(QUEUE);
        let (last, closing) = oneshot::channel();
        Self {
            queue,
            last,
            task: tokio::spawn(write(sink, frames, closing)),
            slow,
        }
    }

    /// Queues a frame, waiting for room.
    ///
    /// # Errors
    /// [`SLOW`] if there was none for too long, [`OVER`] if the socket is gone.
    pub(super) async fn push(&self, frame: Message) -> Result<(), End> {
        match tokio::time::timeout(self.slow, self.queue.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(OVER),
            Err(_) => Err(SLOW),
        }
    }

    /// Says why and closes, before whatever is still queued.
    pub(super) async fn close(self, code: CloseCode, reason: &'static str) {
        let _ = self.last.send(CloseFrame {
            code,
            reason: reason.into(),
        });
        let abort = self.task.abort_handle();
        if tokio::time::timeout(GOODBYE, self.task).await.is_err() {
            abort.abort();
        }
    }
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut frames: mpsc::Receiver<Message>,
    mut closing: oneshot::Receiver<CloseFrame>,
) {
    let last = loop {
        tokio::select! {
            biased;
            last = &mut closing => break last.ok(),
            written = write_next(&mut sink, &mut frames) => {
                if !written {
                    return;
                }
            }
        }
    };
    let _ = sink.send(Message::Close(last)).await;
}

/// Writes the next frame; flushes when no other waits. What it had not finished when dropped, the
/// next write finishes.
async fn write_next(
    sink: &mut SplitSink<WebSocket, Message>,
    frames: &mut mpsc::Receiver<Message>,
) -> bool {
    let Some(frame) = frames.recv().await else {
        return false;
    };
    let fed = sink.feed(frame).await;
    if fed.is_ok() && frames.is_empty() {
        sink.flush().await.is_ok()
    } else {
        fed.is_ok()
    }
}

/// Frames that wait to be written. Each has at most 2 MiB; usually 1 KiB.
const QUEUE: usize = 32;
/// For the close frame.
const GOODBYE: Duration = Duration::from_secs(2);
