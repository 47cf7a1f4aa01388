//! Who attacks: each class of what strangers can send, made ahead, and the process that sends it as
//! fast as it is answered.

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use comity_did::{Did, DidDocument, DidUrl, make_key};
use comity_didcomm::{anoncrypt, media_type, sign};
use comity_jose::jwe::Enc;
use comity_jose::{Curve, Entropy, SigningKey, SystemEntropy, base64url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// What strangers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// 400 random octets.
    Junk,
    /// Encrypted to the agent, and altered: a key agreement, and nothing opens.
    Undecryptable,
    /// Signed messages of DIDs without a grant, properly encrypted.
    Claims,
    /// The same with a body of 512 KiB.
    LargeClaims,
    /// Knocks of self-certifying DIDs whose signature is not good.
    Forged,
    /// Knocks of self-certifying DIDs, all right but without an invitation.
    Uninvited,
    /// Knocks of did:web strangers whose hosts answer slowly, or not.
    SlowHosts,
    /// Bodies above what is read, not announced.
    Oversized,
    /// Bodies that come octet by octet.
    SlowBodies,
    /// All of them, from as many connections as each has alone.
    Mixed,
}

impl Class {
    /// Each kind alone.
    pub(crate) const ALONE: [Self; 9] = [
        Self::Junk,
        Self::Undecryptable,
        Self::Claims,
        Self::LargeClaims,
        Self::Forged,
        Self::Uninvited,
        Self::SlowHosts,
        Self::Oversized,
        Self::SlowBodies,
    ];

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Junk => "junk",
            Self::Undecryptable => "altered envelopes",
            Self::Claims => "claims without a grant",
            Self::LargeClaims => "claims of 512 KiB",
            Self::Forged => "forged knocks",
            Self::Uninvited => "uninvited knocks",
            Self::SlowHosts => "knocks from slow hosts",
            Self::Oversized => "bodies of 5 MiB",
            Self::SlowBodies => "dawdling bodies",
            Self::Mixed => "all of them",
        }
    }

    /// Connections of this class: those that only wait cost their sender nothing.
    const fn connections(self) -> usize {
        match self {
            Self::SlowHosts | Self::SlowBodies => 128,
            Self::LargeClaims | Self::Oversized => 8,
            _ => 32,
        }
    }
}

/// `comity-bench hostile`: one process of attackers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    class: Class,
    /// The wire door of the node that is attacked
    #[arg(long)]
    at: SocketAddr,
    /// The agent that is written to
    #[arg(long)]
    agent: String,
    /// From how many address prefixes; none: from this machine's own, which has no rate limit
    #[arg(long, default_value_t = 0)]
    prefixes: u8,
    #[arg(long)]
    seconds: f64,
}

/// What the attackers got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Got {
    /// Answers by status; 0: the connection was closed instead.
    pub(crate) answers: BTreeMap<u16, u64>,
    pub(crate) seconds: f64,
}

impl Got {
    pub(crate) fn requests(&self) -> u64 {
        self.answers.values().sum()
    }

    pub(crate) fn per_s(&self) -> f64 {
        self.requests() as f64 / self.seconds
    }
}

/// Hosts of strangers; they take connections and answer late. So many, that the bound for one host
/// is not what stops them.
pub(crate) const SLOW_HOSTS: [&str; 8] = [
    "slow-0.test",
    "slow-1.test",
    "slow-2.test",
    "slow-3.test",
    "slow-4.test",
    "slow-5.test",
    "slow-6.test",
    "slow-7.test",
];

/// Addresses that count as strangers', one a prefix.
pub(crate) fn stranger(prefix: u8) -> IpAddr {
    Ipv4Addr::new(127, 77, prefix, 1).into()
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let document = document(args.at, &args.agent).await?;
    let classes = match args.class {
        Class::Mixed => Class::ALONE.to_vec(),
        class => vec![class],
    };
    let begun = tokio::time::Instant::now();
    let until = begun + Duration::from_secs_f64(args.seconds);
    let mut attackers = JoinSet::new();
    for class in classes {
        let made = Arc::new(requests(class, &document)?);
        for n in 0..class.connections() {
            let from = (args.prefixes > 0).then(|| {
                let prefix = n % usize::from(args.prefixes);
                stranger(u8::try_from(prefix).unwrap_or_default())
            });
            attackers.spawn(attack(
                class,
                args.at,
                from,
                Arc::clone(&made),
                n * 7,
                until,
            ));
        }
    }
    let mut got = Got::default();
    while let Some(one) = attackers.join_next().await {
        for (status, count) in one? {
            *got.answers.entry(status).or_default() += count;
        }
    }
    got.seconds = begun.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&got)?);
    Ok(())
}

/// One connection after the other, one request after the other.
async fn attack(
    class: Class,
    at: SocketAddr,
    from: Option<IpAddr>,
    made: Arc<Vec<Vec<u8>>>,
    first: usize,
    until: tokio::time::Instant,
) -> BTreeMap<u16, u64> {
    let mut answers = BTreeMap::new();
    let mut requests = made.iter().cycle().skip(first);
    let mut line: Option<TcpStream> = None;
    while tokio::time::Instant::now() < until {
        let mut stream = match line.take() {
            Some(stream) => stream,
            None => match connect(at, from).await {
                Ok(stream) => stream,
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        let Some(request) = requests.next() else {
            break;
        };
        let answered = tokio::time::timeout_at(until, async {
            match class {
                Class::SlowBodies => dawdle(&mut stream, request).await,
                _ => ask(&mut stream, request).await,
            }
        });
        let Ok(answered) = answered.await else { break };
        let status = answered.unwrap_or_default();
        *answers.entry(status).or_default() += 1;
        // What is refused before it was read may end its connection.
        if status != 0 && status != 413 {
            line = Some(stream);
        }
    }
    answers
}

async fn connect(at: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    let stream = socket.connect(at).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The status of the answer; an error if there is none.
async fn ask(stream: &mut TcpStream, request: &[u8]) -> Result<u16> {
    // A node that has seen enough answers while we still write.
    let _ = stream.write_all(request).await;
    status(stream).await
}

/// An octet now and then.
async fn dawdle(stream: &mut TcpStream, request: &[u8]) -> Result<u16> {
    let head = request.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = request.split_at(head.context("a head")? + 4);
    stream.write_all(head).await?;
    for octet in body {
        stream.write_all(&[*octet]).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    status(stream).await
}

async fn status(stream: &mut TcpStream) -> Result<u16> {
    let mut octets = Vec::new();
    loop {
        let mut chunk = [0; 1_024];
        let count = stream.read(&mut chunk).await?;
        octets.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if let Some(end) = octets.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(octets.get(..end).unwrap_or_default());
            let status = head.split(' ').nth(1).context("a status")?;
            return Ok(status.parse()?);
        }
        if count == 0 {
            bail!("closed");
        }
    }
}

/// Enough different requests that none is remembered for another.
fn requests(class: Class, to: &DidDocument) -> Result<Vec<Vec<u8>>> {
    let many = match class {
        Class::LargeClaims => 16,
        Class::Oversized => 1,
        _ => 512,
    };
    let one = |n: u64| -> Result<Vec<u8>> {
        let body = match class {
            Class::Junk | Class::SlowBodies => octets(400),
            Class::Oversized => return Ok(oversized()),
            Class::Undecryptable => altered(&claim(to, n, 200)?)?,
            Class::Claims => claim(to, n, 200)?,
            Class::LargeClaims => claim(to, n, 512 * 1024)?,
            Class::Forged => {
                let (key, kid, did) = self_certifying()?;
                let other = SigningKey::generate(&SystemEntropy);
                drop(key);
                seal(to, &sign(&other, &kid, &knock(&did, to.id())))?
            }
            Class::Uninvited => {
                let (key, kid, did) = self_certifying()?;
                seal(to, &sign(&key, &kid, &knock(&did, to.id())))?
            }
            Class::SlowHosts => {
                let host = SLOW_HOSTS[usize::try_from(n)? % SLOW_HOSTS.len()];
                let did: Did = format!("did:web:{host}:s{}", hex(8)).parse()?;
                let key = SigningKey::generate(&SystemEntropy);
                let kid = did.with_fragment("key-1")?;
                seal(to, &sign(&key, &kid, &knock(&did, to.id())))?
            }
            Class::Mixed => bail!("not one class"),
        };
        Ok(post(&body))
    };
    (0..many).map(one).collect()
}

fn post(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /didcomm HTTP/1.1\r\nhost: b\r\ncontent-type: application/didcomm-encrypted+json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// 5 MiB in chunks, so that nothing says ahead how much comes.
fn oversized() -> Vec<u8> {
    let chunk = 64 * 1024;
    let mut out = b"POST /didcomm HTTP/1.1\r\nhost: b\r\n\
        content-type: application/didcomm-encrypted+json\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..80 {
        out.extend_from_slice(format!("{chunk:x}\r\n").as_bytes());
        out.extend(std::iter::repeat_n(b'x', chunk));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

fn self_certifying() -> Result<(SigningKey, DidUrl, Did)> {
    let key = SigningKey::from_secret(Curve::Ed25519, &octets(32))?;
    let did = make_key(key.public());
    let kid = did.with_fragment(did.method_specific_id())?;
    Ok((key, kid, did))
}

fn claim(to: &DidDocument, n: u64, size: usize) -> Result<Vec<u8>> {
    let (key, kid, did) = self_certifying()?;
    let now = now();
    let message = json!({
        "id": hex(16), "typ": "application/didcomm-plain+json",
        "type": "https://example.org/load/1.0/note", "from": did, "to": [to.id()],
        "created_time": now, "expires_time": now + 3_600, "body": {"n": n, "x": "x".repeat(size)},
    });
    seal(to, &sign(&key, &kid, message.to_string().as_bytes()))
}

fn knock(from: &Did, to: &Did) -> Vec<u8> {
    let now = now();
    let offer = json!({
        "v": 1, "between": [from, to], "nonce": base64url::encode(&octets(16)), "must": [],
        "may": [{"from": 0, "types": ["https://example.org/load/1.0"]}], "until": now + 86_400,
    });
    let knock = json!({
        "id": hex(16), "typ": "application/didcomm-plain+json",
        "type": "https://w3id.org/comity/contact/1.0/knock", "from": from, "to": [to],
        "created_time": now, "expires_time": now + 3_600,
        "body": {"purpose": "let me in", "offer": offer, "speaks": ["A256GCM"]},
    });
    knock.to_string().into_bytes()
}

fn seal(to: &DidDocument, signed: &str) -> Result<Vec<u8>> {
    let typ = media_type::ENCRYPTED;
    let sealed = anoncrypt(
        &SystemEntropy,
        to,
        Enc::A256CbcHs512,
        signed.as_bytes(),
        typ,
    )?;
    Ok(sealed.into_bytes())
}

/// The same with another tag.
fn altered(envelope: &[u8]) -> Result<Vec<u8>> {
    let mut envelope: Value = serde_json::from_slice(envelope)?;
    envelope["tag"] = base64url::encode(&octets(32)).into();
    Ok(envelope.to_string().into_bytes())
}

/// The document of the agent that is attacked, as everybody can have it.
async fn document(at: SocketAddr, agent: &str) -> Result<DidDocument> {
    let did: Did = agent.parse()?;
    let name = did
        .method_specific_id()
        .rsplit(':')
        .next()
        .context("a name")?;
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("GET /{name}/did.json HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer
        .get(head.context("an answer")? + 4..)
        .unwrap_or_default();
    Ok(DidDocument::parse(&did, body)?)
}

fn octets(count: usize) -> Vec<u8> {
    let mut out = vec![0; count];
    SystemEntropy.fill(&mut out);
    out
}

fn hex(count: usize) -> String {
    octets(count)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

fn now() -> u64 {
    let since = SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_secs())
}
