//! A stretch of network between two nodes that can be made to lose things.

use super::{Side, acquaint, places};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fair,
    /// Requests arrive, their answers do not.
    AnswersLost,
    /// Nothing arrives, and nobody says so.
    AllLost,
}

/// The stretch itself.
pub struct Between {
    pub address: SocketAddr,
    /// What was asked so far, over all connections.
    pub asked: Arc<Mutex<Vec<u8>>>,
    weather: watch::Sender<Weather>,
}

impl Between {
    /// Leads to `target`.
    pub async fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, seen) = watch::channel(Weather::Fair);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tap = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(near, target, seen.clone(), Arc::clone(&tap)));
            }
        });
        Self {
            address,
            asked,
            weather,
        }
    }

    /// Changes the weather. Connections that lost something break.
    pub fn set(&self, weather: Weather) {
        self.weather.send(weather).unwrap();
    }
}

/// Aria and Bruno, who know each other; what Aria's node sends to Bruno's goes through a stretch
/// of network that can lose things.
pub async fn apart() -> (impl Sized, Side, Side, Between) {
    let (mut place_a, place_b) = places();
    let between = Between::new(place_b.wire).await;
    for (host, address) in &mut place_a.map {
        if host.to_string() == "agents.org-b.test" {
            *address = between.address;
        }
    }
    let aria = Side::new(&place_a, "aria").await;
    let bruno = Side::new(&place_b, "bruno").await;
    acquaint(&aria, &bruno).await;
    ((place_a, place_b), aria, bruno, between)
}

async fn carry(
    mut near: TcpStream,
    target: SocketAddr,
    mut seen: watch::Receiver<Weather>,
    tap: Arc<Mutex<Vec<u8>>>,
) {
    let Ok(mut far) = TcpStream::connect(target).await else {
        return;
    };
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        let weather = *seen.borrow_and_update();
        tokio::select! {
            _ = seen.changed() => if weather != Weather::Fair { return },
            read = near.read(&mut asked) => match read {
                Ok(n) if n > 0 => if weather != Weather::AllLost {
                    tap.lock().unwrap().extend_from_slice(&asked[..n]);
                    far.write_all(&asked[..n]).await.unwrap();
                },
                _ => return,
            },
            read = far.read(&mut answered) => match read {
                Ok(n) if n > 0 => if weather == Weather::Fair {
                    near.write_all(&answered[..n]).await.unwrap();
                },
                _ => return,
            },
        }
    }
}
