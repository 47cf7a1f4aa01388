//! A small internet: a name server, a certificate authority, servers that behave as told.

use crate::clock::SystemClock;
use crate::config::{Config, Site};
use crate::resolve::{Http, Resolver};
use comity_did::{Did, DocumentBuilder};
use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// What a server does with a request; `None` is silence on an open connection.
pub(super) type Behaviour = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;
/// What a name server answers for A records.
pub(super) type Zone = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// Signs the certificates of a test.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) root: Vec<u8>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            issuer: Issuer::new(params, key),
            root,
        }
    }

    fn acceptor(&self, names: &[&str]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A server, and what it saw.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    /// `SNI PATH` of each request.
    pub(super) seen: Arc<Mutex<Vec<String>>>,
    pub(super) connections: Arc<Mutex<usize>>,
}

impl Server {
    pub(super) async fn tls(authority: &Authority, names: &[&str], behaviour: Behaviour) -> Self {
        Self::start(Some(authority.acceptor(names)), behaviour).await
    }

    pub(super) async fn plain(behaviour: Behaviour) -> Self {
        Self::start(None, behaviour).await
    }

    async fn start(tls: Option<TlsAcceptor>, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (Arc::clone(&server.seen), Arc::clone(&server.connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                let (tls, behaviour, seen) = (tls.clone(), behaviour.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(tls) = tls else {
                        return talk(stream, "", behaviour, seen).await;
                    };
                    let Ok(stream) = tls.accept(stream).await else {
                        return;
                    };
                    let name = stream
                        .get_ref()
                        .1
                        .server_name()
                        .unwrap_or_default()
                        .to_owned();
                    talk(stream, &name, behaviour, seen).await;
                });
            }
        });
        server
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    name: &str,
    behaviour: Behaviour,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut read = Vec::new();
    loop {
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&buffer[..count]),
            }
            continue;
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let length = head.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length:")
                .map(|n| n.trim().parse::<usize>().unwrap())
        });
        let whole = end + 4 + length.unwrap_or(0);
        while read.len() < whole {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        read.drain(..whole);
        let path = head.split(' ').nth(1).unwrap().to_owned();
        seen.lock()
            .unwrap()
            .push(format!("{name} {path}").trim().to_owned());
        match behaviour(&path) {
            Some(octets) => {
                let close = octets
                    .windows(17)
                    .any(|window| window == b"Connection: close");
                if stream.write_all(&octets).await.is_err() || close {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
            None => std::future::pending().await,
        }
    }
}

/// A whole answer; the connection stays open.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n");
    Some(format!("{head}{body}").into_bytes())
}

/// Answers every name with what `zone` says, with a TTL of zero. Hand-written: the point is to
/// lie as an attacker's name server would.
pub(super) async fn name_server(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer).await {
            let _ = socket.send_to(&reply(&buffer[..count], &zone), peer).await;
        }
    });
    address
}

fn reply(query: &[u8], zone: &Zone) -> Vec<u8> {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    let question = &query[12..at + 5];
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let asked = zone(&labels.join("."));
    let answers: Vec<Vec<u8>> = asked
        .into_iter()
        .filter_map(|address| match (kind, address) {
            (1, IpAddr::V4(address)) => Some(address.octets().to_vec()),
            (28, IpAddr::V6(address)) => Some(address.octets().to_vec()),
            _ => None,
        })
        .collect();
    let mut out = query[..2].to_vec();
    out.extend([
        0x81,
        0x80,
        0,
        1,
        0,
        u8::try_from(answers.len()).unwrap(),
        0,
        0,
        0,
        0,
    ]);
    out.extend_from_slice(question);
    for data in answers {
        out.extend([0xc0, 12]);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 0, 0, u8::try_from(data.len()).unwrap()]);
        out.extend(data);
    }
    out
}

/// A node's view of that internet.
pub(super) struct World {
    pub(super) http: Http,
    pub(super) resolver: Resolver,
    _home: tempfile::TempDir,
    _site: Site,
}

impl World {
    /// `zone` answers names; `exempt` may be connected to although they are on loopback; `mapped`
    /// is the host map.
    pub(super) async fn new(
        zone: Zone,
        root: Option<&Authority>,
        exempt: &[SocketAddr],
        mapped: &[(&str, SocketAddr)],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut config = Config::new(home.path());
        config.wire = Some("127.0.0.1:0".parse().unwrap());
        config.agent_door = Some("127.0.0.1:0".parse().unwrap());
        config.host_map = mapped
            .iter()
            .map(|(host, address)| (host.parse().unwrap(), *address))
            .collect();
        config.seams.name_server = Some(name_server(zone).await);
        config.seams.extra_roots = root
            .map(|authority| authority.root.clone())
            .into_iter()
            .collect();
        config.seams.exempt = exempt.to_vec();
        let site = config.open().await.unwrap().site;
        let http = Http::new(&site);
        Self {
            resolver: Resolver::new(http.clone(), Arc::new(SystemClock)),
            http,
            _home: home,
            _site: site,
        }
    }
}

/// The same addresses for every name.
pub(super) fn everywhere(addresses: &[&str]) -> Zone {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Arc::new(move |_| addresses.clone())
}

pub(super) fn did(host: &str, port: u16, name: &str) -> Did {
    format!("did:web:{host}%3A{port}:{name}").parse().unwrap()
}

/// A document with fresh keys.
pub(super) fn document(did: &Did) -> String {
    let signing = SigningKey::generate(&SystemEntropy);
    let agreement = AgreementKey::generate(&SystemEntropy);
    let document = DocumentBuilder::new(did.clone(), signing.public(), agreement.public());
    String::from_utf8(document.build().unwrap().octets().to_vec()).unwrap()
}

/// Serves `/NAME/did.json` for every name at `host`, fresh keys each time. The port is known only
/// once the server runs.
pub(super) fn documents(host: &'static str, port: Arc<Mutex<u16>>) -> Behaviour {
    Arc::new(move |path| {
        let name = path.strip_prefix('/')?.strip_suffix("/did.json")?;
        answer(200, "", &document(&did(host, *port.lock().unwrap(), name)))
    })
}
